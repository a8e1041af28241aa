"""What the feed keeps for whoever comes back, and when nothing is made for it."""

import asyncio

import pytest

from onrecord.policy.stepwise import Steps
from onrecord.workflow import feed
from onrecord.workflow.changes import publish
from onrecord.workflow.feed import Feed, Message


def making(index: int, made: list[int]) -> Steps[list[Message]]:
    """A post's one message; `made` says of which posts any was made."""
    made.append(index)
    yield
    return [Message(index, 0, "int", "transcript", 1.0, "stop", "stopped", "R", None)]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(feed, "HISTORY_LIMIT", 3)
    return []


def test_nothing_is_made_before_anybody_listens(made: list[int]) -> None:
    kept = Feed()
    asyncio.run(publish(kept, making(0, made)))
    assert made == []
    assert not kept.reaches((0, 0))


def test_who_left_a_moment_ago_finds_everything_since(made: list[int]) -> None:
    async def story() -> None:
        kept = Feed()
        kept.drop(kept.subscribe(None, None))
        for index in range(3):
            await publish(kept, making(index, made))
        assert kept.reaches((0, 0))
        back = kept.subscribe(None, (0, 0))
        assert [message.leaf_index for message in await back.next()] == [1, 2]

    asyncio.run(story())
    assert made == [0, 1, 2]


def test_what_was_passed_over_is_not_reached_from_memory(made: list[int]) -> None:
    async def story() -> None:
        kept = Feed()
        kept.drop(kept.subscribe(None, None))
        for index in range(5):
            await publish(kept, making(index, made))
        kept.subscribe(None, None)
        await publish(kept, making(5, made))
        assert not any(kept.reaches((index, 0)) for index in range(5))
        assert kept.reaches((5, 0))

    asyncio.run(story())
    assert made == [0, 1, 2, 5]
