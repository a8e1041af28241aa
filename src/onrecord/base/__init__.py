"""Ids, clocks, media time, canonical JSON, digests, commitments and the error root."""
