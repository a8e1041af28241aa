import pytest

from onrecord.capture.codes import is_codes


@pytest.mark.parametrize(
    "content",
    [
        None,
        "resolved",
        "WRAP-UP_3.b:done",
        "a" * 64,
        "ticket-123",
        {},
        {"outcome": "sale", "queue.id": 12, "again": False, "note": None, "low": -999, "part": 0.125},
        {f"k-{'ab'[n % 2]}{'x' * n}": n for n in range(32)},
    ],
)
def test_codes(content):
    assert is_codes(content)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a" * 65,
        "two words",
        "resolved\n",
        "über",
        "ticket-1234",
        "4111",
        "1-2-3-4",
        1.5j,
        {"note": "he said so"},
        {"he said so": True},
        {"4111111111111111": True},
        {"nested": {"a": "b"}},
        {"nested": ["a"]},
        {"card": 4111},
        {"card": -1000},
        {"card": 41.1111},
        {"card": float("nan")},
        {"card": float("inf")},
        {"card": 4111111111111111},
        ["a"],
        {f"k{'x' * n}": n for n in range(33)},
    ],
)
def test_free_text(content):
    assert not is_codes(content)
