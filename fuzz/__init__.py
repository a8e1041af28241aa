"""Fuzzing of what parses bytes from outside: `python -m fuzz TARGET [--seconds N]`."""
