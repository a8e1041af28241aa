"""Ports for opaque bytes and rows, and their drivers."""
