"""Facts in, decisions out: total, pure, no clock, no log."""
