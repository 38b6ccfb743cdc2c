"""Figures, the report and other pages, made from results."""
