"""What a review classifier is made of: reviews, vocabulary, sequences, models, training and evaluation."""

__version__ = "0.1.0"
