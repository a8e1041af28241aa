"""Envelope encryption, keyring, crypto-shredding."""
