"""Whole tables of reviews, scored by a pool of threads or by Spark."""
