"""What a trained model is worth: metrics, significance, slices, behaviour, and models side by side."""
