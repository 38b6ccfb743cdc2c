"""Plots, the report, the model card and other pages, made from results."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""They stay apart for the colour-blind (Okabe & Ito 2008); the first speaks for positive, the second for negative."""
