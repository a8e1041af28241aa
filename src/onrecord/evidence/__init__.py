"""Builds and checks evidence packs offline: no network, storage or keys."""
