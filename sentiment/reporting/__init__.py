"""Plots, the report, the model card and other pages, made from results."""
