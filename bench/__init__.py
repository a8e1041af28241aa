"""Measures the product against baselines taken in the same run."""
