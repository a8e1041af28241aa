"""What one conversation keeps to say whether a prompt was heard, and which hearing counts for which claim."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from onrecord.interaction.events import Event, Internal
from onrecord.signal.alignment import Hearing
from onrecord.signal.encoding import Encoding
from onrecord.signal.listener import Ring
from onrecord.storage.ports import NotStoredError
from onrecord.workflow import hearing as module
from onrecord.workflow.hearing import AFTER_S, BEFORE_S, Grade, Why
from onrecord.workflow.listening import BEYOND_S, LOOK_SECONDS, Claim, Listening, attach, is_outbound

RATE = 8000


def register(*seconds: float | None) -> Any:
    sounds = [None if each is None else SimpleNamespace(seconds=each) for each in seconds]
    return SimpleNamespace(all=lambda: iter([SimpleNamespace(audio=sound) for sound in sounds]))


def claim(t: float, seconds: float = 4.0, name: str = "notice@1", uncertainty: float = 0.0) -> Claim:
    data = {"prompt_version": name, "registered": {"prompt_id": "notice"}}
    event = Event(f"evt-{t}", "prompt_delivered", t, t, 0, "bot", "key", data, uncertainty)
    return Claim(event, name, seconds)


def heard(start: float, fraction: float = 1.0, name: str = "notice@1") -> Hearing:
    return Hearing(name, start, start + 4.0 * fraction, 0.0, 4.0 * fraction, fraction, 0.9, 0.1)


def found_by(claims: list[Claim], *hearings: Hearing, track: str = "agent") -> Listening:
    """Each of them has found all of these."""
    for each in claims:
        search: Any = SimpleNamespace(found=lambda: list(hearings), next=0)
        each.searches[track] = search
    return Listening(claims=claims)


def test_sound_is_kept_of_outbound_tracks_where_a_prompt_has_sound() -> None:
    assert attach(None, register(), "agent", Encoding.MULAW, RATE) is None
    assert attach(None, register(None), "agent", Encoding.MULAW, RATE) is None
    assert attach(None, register(4.0), "customer", Encoding.MULAW, RATE) is None
    assert attach(None, register(4.0), "agent", Encoding.MULAW, 2000) is None
    made = attach(None, register(None, 200.0, 4.0), "agent", Encoding.MULAW, RATE)
    assert made is not None
    made.ended = True
    assert attach(made, register(4.0), "bot-2", Encoding.PCM16, RATE) is made
    assert not made.ended
    assert set(made.rings) == {"agent", "bot-2"}
    ring = made.rings["agent"]
    assert attach(made, register(4.0), "agent", Encoding.MULAW, RATE) is made
    assert made.rings["agent"] is ring
    for at in range(0, 600 * RATE, RATE):
        made.write("agent", at, b"\x01" * RATE)
        made.write("customer", at, b"\x01" * RATE)
    assert (200.0 + BEYOND_S) * RATE <= ring.end - ring.start <= 2 * (200.0 + BEYOND_S) * RATE


def test_whom_the_caller_hears() -> None:
    assert all(map(is_outbound, ("agent", "bot", "ivr", "agent_2", "human_agent#1")))
    assert not any(map(is_outbound, ("customer", "caller", "")))


def test_woken_by_sound_and_not_by_each_frame() -> None:
    made = attach(None, register(4.0), "agent", Encoding.MULAW, RATE)
    assert made is not None
    made.woken.clear()
    made.await_sound(1.0)
    for frame in range(49):
        made.write("agent", frame * 160, b"\x01" * 160)
    assert not made.woken.is_set()
    made.write("agent", 49 * 160, b"\x01" * 160)
    assert made.woken.is_set()
    made.woken.clear()
    made.await_sound(0.5)  # there already
    assert made.woken.is_set()


def test_a_hearing_counts_once_and_for_the_nearest_claim() -> None:
    first, second, third = claims = [claim(2.0), claim(10.0), claim(10.5)]
    listening = found_by(claims, heard(2.1), heard(10.1))
    assert [h.start for _, h in listening.found(first)] == [2.1]
    assert [h.start for _, h in listening.found(second)] == [10.1]
    assert listening.found(third) == []
    listening.claims.remove(second)
    listening.taken[second.name].append(("agent", 10.099))
    assert listening.found(third) == []
    listening.taken.clear()
    assert [h.start for _, h in listening.found(third)] == [10.1]


def test_claims_of_other_prompts_take_nothing_away() -> None:
    own, other = claims = [claim(2.0), claim(2.0, name="other@1")]
    listening = found_by(claims, heard(2.1))
    listening.taken[other.name].append(("agent", 2.1))
    assert len(listening.found(own)) == 1


@pytest.mark.parametrize(
    ("start", "end", "t", "coming", "covered"),
    [
        (0.0, 30.0, 10.0, True, True),
        (10.0, 30.0, 10.0, True, True),  # from the claimed instant on
        (0.0, 10.0, 10.0, True, True),  # up to it
        (12.0, 30.0, 10.0, True, False),
        (0.0, 7.0, 10.0, True, False),
        (10.0, 12.0, 10.0, True, False),
        (10.0, 12.0, 10.0, False, True),  # that was all of the call
        (0.0, 5.0, 10.0, False, False),
    ],
)
def test_what_must_be_held_to_say_that_nothing_was_heard(
    start: float, end: float, t: float, coming: bool, covered: bool
) -> None:
    ring = Ring(Encoding.MULAW, RATE, 60 * RATE)
    ring.write(round(start * RATE), b"\x01" * round((end - start) * RATE))
    assert module._covered(claim(t), ring, coming=coming) is covered


def test_the_window_holds_a_claim_of_either_end() -> None:
    ring = Ring(Encoding.MULAW, RATE, RATE)
    first, last = module._window(claim(20.0, uncertainty=0.5), ring)
    assert first <= (20.0 - 4.0 - BEFORE_S) * RATE
    assert last >= (20.0 + 4.0 + AFTER_S) * RATE
    assert module._window(claim(1.0), ring)[0] == 0
    assert module._window(claim(-50.0), ring) == (0, 0)


def judged(listening: Listening, made: Claim, **live: Any) -> Any:
    """Without a server: what is to be said of a claim now."""
    given = {"tracks": {}, "closing": False, "conversation": SimpleNamespace(streams={}, ended_t=None), **live}
    deployment: Any = SimpleNamespace()
    conversation: Any = SimpleNamespace(**given)
    return asyncio.run(module._judge(deployment, conversation, listening, made))


def test_without_an_outbound_track() -> None:
    made = claim(2.0)
    listening = Listening(claims=[made])
    assert judged(listening, made) is None  # a stream may still come
    streams = SimpleNamespace(streams={"str-1": {}}, ended_t=None)
    for live in (
        {"conversation": streams},
        {"conversation": SimpleNamespace(streams={}, ended_t=9.0)},
        {"closing": True},
    ):
        found = judged(listening, made, **live)
        assert (found.grade, found.why) == (Grade.NOT_DETERMINABLE, Why.NO_TRACK)
    late = judged(listening, made, conversation=streams, tracks={"agent": None})
    assert (late.grade, late.why) == (Grade.NOT_DETERMINABLE, Why.NO_SOUND)


def test_what_is_said_of_a_claim() -> None:
    made = claim(2.0)
    whole = module._told(made, module.Found(Grade.HEARD, "agent", heard(2.1)))
    assert whole == {
        "prompt_version": "notice@1",
        "claim": "evt-2.0",
        "grade": "heard",
        "fraction": 1.0,
        "score": 0.9,
        "track": "agent",
        "start": 2.1,
        "end": 6.1,
        "ref_start": 0.0,
        "ref_end": 4.0,
        "registered": {"prompt_id": "notice"},
    }
    assert module._told(made, module.Found(Grade.NOT_HEARD))["fraction"] == 0.0
    assert module._told(made, module.Found(Grade.NOT_HEARD, why=Why.OUTSIDE)).items() >= {
        ("fraction", 0.0),
        ("why", "outside_window"),
    }
    unknown = module._told(made, module.Found(Grade.NOT_DETERMINABLE, why=Why.NO_SOUND))
    assert unknown["why"] == "sound_not_held"
    assert "fraction" not in unknown


def said(monkeypatch: pytest.MonkeyPatch, error: Exception | None, **more: Any) -> tuple[list[Any], list[Any]]:
    """(what was appended, what was put off) when a grade is to be told."""
    appended: list[Any] = []
    later: list[Any] = []

    async def append(_d: Any, _live: Any, events: list[Any]) -> tuple[Any]:
        if error is not None:
            raise error
        appended.extend(events)
        return (SimpleNamespace(index=7),)

    async def publish(_feed: Any, _news: Any) -> None:
        later.append("published")

    monkeypatch.setattr(module.journal, "append", append)
    monkeypatch.setattr(module.journal, "internal", lambda _l, _d, kind, data, t: SimpleNamespace(event_id="e", t=t))
    monkeypatch.setattr(module, "notice", lambda _d, _l, kind, data, t: later.append((kind, data["grade"], t)))
    monkeypatch.setattr(module, "recheck", lambda _: later.append("rechecked"))
    monkeypatch.setattr(module, "messages", lambda *_: None)
    monkeypatch.setattr(module, "publish", publish)
    conversation = SimpleNamespace(seal=None, erased=False, interaction="i")
    for name, value in more.items():
        setattr(conversation, name, value)

    async def run() -> None:
        live: Any = SimpleNamespace(lock=asyncio.Lock(), conversation=conversation, halted=False, timeline=None)
        deployment: Any = SimpleNamespace(feed=None)
        await module._say(deployment, live, claim(2.0), module.Found(Grade.HEARD, "agent", heard(2.1)))

    asyncio.run(run())
    return appended, later


def test_a_grade_takes_effect_where_the_prompt_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    appended, later = said(monkeypatch, None)
    assert [event.t for event in appended] == [6.1]
    assert later == ["rechecked", "published"]


def test_a_grade_that_cannot_be_stored_is_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    appended, later = said(monkeypatch, NotStoredError("the disk is full"))
    assert appended == []
    assert later == [(Internal.PROMPT_HEARD, "heard", 6.1)]


@pytest.mark.parametrize("more", [{"seal": object()}, {"erased": True}])
def test_nothing_is_said_of_what_is_sealed_or_erased(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> None:
    assert said(monkeypatch, None, **more) == ([], [])


def test_what_fails_ends_the_listening_and_leaves_the_claims_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any) -> None:
        raise NotStoredError("the disk is gone")

    monkeypatch.setattr(module, "_judge", fails)
    made = Listening(claims=[claim(2.0)])
    deployment: Any = SimpleNamespace()
    live: Any = SimpleNamespace(watchers=set(), halted=False, conversation=SimpleNamespace(seal=None))

    async def run() -> None:
        await module._listen(deployment, live, made)
        await made.conclude()

    asyncio.run(run())
    assert (made.claims, live.watchers) == ([], set())


def test_the_next_look_is_where_the_sound_is_that_was_not_looked_through() -> None:
    made = attach(None, register(4.0), "agent", Encoding.MULAW, RATE)
    assert made is not None
    made.claims.append(claim(100.0))
    module._keep(made)
    assert made.rings["agent"].keep_from == int((100.0 - 4.0 - BEFORE_S) * RATE)
    assert made.look_at == 100.0 - 4.0 - BEFORE_S + LOOK_SECONDS
    made.claims.clear()
    module._keep(made)
    assert made.rings["agent"].keep_from is None
