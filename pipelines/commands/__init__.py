"""The commands of `sentiment`, by what they are for; each parses its options, calls one pipeline, and prints."""
