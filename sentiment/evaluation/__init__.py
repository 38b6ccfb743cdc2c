"""What a trained model is worth: metrics, significance, slices, behaviour, models side by side; when not to trust it."""
