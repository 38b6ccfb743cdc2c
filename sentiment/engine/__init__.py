"""Weights to probabilities, without TensorFlow: in the compiled core, or in NumPy where there is none."""
