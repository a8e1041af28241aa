"""What tests do to a call that media is played into."""

from collections.abc import Callable
from typing import Any

from media_client import RATE, Twilio, account, seal, sound
from serving import Server, Talk

Begin = Callable[..., Talk]
IRISH = [{"role": "customer", "jurisdiction": "IE"}]
SOUND = sound(20.0)
MARK = "Quillwort-7391"  # stands in every bad message: not to be found in the log


def agree(talk: Talk, t: float | str, result: str = "accepted") -> None:
    talk.tell("consent", t, result=result, method="keypad", prompt_version="p1")


def opt_out(talk: Talk, t: float | str) -> None:
    talk.tell("opt_out", t, method="verbal", reason_code="asked")


def stream_of(server: Server, talk: Talk) -> Twilio:
    return Twilio(server, token=talk.stream_token).start("inbound")


def play(stream: Twilio, start: float, end: float) -> None:
    """Seconds [start, end) of SOUND; the server has taken them when it returns."""
    stream.play(SOUND, range(round(start * 50), round(end * 50)))
    stream.taken()


def end(talk: Talk, seconds: float) -> None:
    talk.tell("call_end", seconds)
    seal(talk)


def events(talk: Talk, *kinds: str) -> list[dict[str, Any]]:
    return [event for event in talk.get("/timeline")["events"] if event["type"] in kinds]


def unused(server: Server, talk: Talk) -> None:
    """The socket that was refused accounted for nothing and left its token as it was."""
    assert talk.get("/accounting")["tracks"] == {}
    with Twilio(server, token=talk.stream_token) as stream:
        stream.start("inbound")
        stream.play(sound(1.0))
        stream.stop()
    assert account(talk)["received"] == RATE


def refused(talk: Talk) -> dict[str, int]:
    found = [e for e in talk.get("/timeline")["events"] if e["type"] == "stream_closed"]
    counts: dict[str, int] = found[-1]["data"]["refused"] if found else {}
    return counts
