"""The version of EdgeMEF, said once."""

__version__ = "0.1.0"
