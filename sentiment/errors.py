"""InputError: what the user gave cannot be used."""


class InputError(ValueError):
    """Bad input from the user; the message names the file, column, row or option, and the remedy."""
