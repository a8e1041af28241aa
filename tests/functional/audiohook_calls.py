"""What is said in a call that Genesys plays, and what is found of it."""

from typing import Any

from audiohook_client import RATE
from media_calls import events
from media_client import seal, sound
from serving import Talk

ASKED, ANSWERED = sound(30.0), sound(30.0, 1)


def part(start: float, end: float, given: bytes = ASKED) -> bytes:
    return given[round(start * RATE) : round(end * RATE)]


def both(start: float, end: float) -> tuple[bytes, bytes]:
    return part(start, end), part(start, end, ANSWERED)


def finish(talk: Talk, seconds: float) -> None:
    talk.tell("call_end", seconds)
    seal(talk)


def answers(talk: Talk) -> list[tuple[Any, ...]]:
    """What the source answered: (wish, answer, start, discarded)."""
    told = [event["data"] for event in events(talk, "source_answered")]
    return [(each["wish"], each["answer"], each.get("start"), each.get("discarded")) for each in told]


def flags(talk: Talk) -> set[str]:
    return {flag["flag"] for flag in talk.get()["flags"]}
