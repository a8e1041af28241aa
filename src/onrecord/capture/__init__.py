"""The gate over media frames and words: hold-back, fates, accounting, segments. Pure state machines."""
