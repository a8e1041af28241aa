"""What the faults of the whole plane share."""

from functools import lru_cache

import pytest

from onrecord.policy import pack


@pytest.fixture(autouse=True)
def parsed_once(monkeypatch):
    """Packs are parsed at every export and verification; the text is always the same here."""
    monkeypatch.setattr(pack, "parse", lru_cache(pack.parse))
