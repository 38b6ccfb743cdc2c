"""Text to arrays: reviews from their sources and tables, the vocabulary, and padded sequences."""
