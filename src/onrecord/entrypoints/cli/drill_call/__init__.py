"""A synthetic call that tries every control of a running server, and leaves nothing of itself but the log."""
