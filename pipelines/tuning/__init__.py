"""The search for settings: its space, its trials in Optuna, and what each trial trains and measures."""
