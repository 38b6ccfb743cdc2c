"""What a trained model is worth: metrics, significance, slices, behaviour, comparison; and when not to trust it."""
