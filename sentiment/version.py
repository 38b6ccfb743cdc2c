"""The version of this project, which no other module has to wait for."""

__version__ = "0.2.0"
