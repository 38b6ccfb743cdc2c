"""What is run: one module per pipeline, and the `sentiment` command."""
