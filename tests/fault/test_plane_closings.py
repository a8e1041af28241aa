"""A closing holds from the moment it is accepted, whatever becomes of the write: owed, it is stored with the next post,
reaches what is stored already, and cannot be lost under another event's id."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from onrecord.entrypoints.bootstrap import Settings, open_deployment
from onrecord.interaction.record import ArtifactState
from onrecord.policy.kinds import Kind
from onrecord.signal.encoding import Encoding
from onrecord.storage.ports import StorageFullError
from onrecord.workflow.admit import NewInteraction, NewParty, admit
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.disclose import disclose
from onrecord.workflow.errors import EventConflictError, GatesShutError, SealedError
from onrecord.workflow.find import find
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope
from onrecord.workflow.recover import mend, recover
from onrecord.workflow.seal import seal
from onrecord.workflow.stream import NewTrack, Stream, drain, offer, open_stream
from onrecord.workflow.tell import tell

WHO = Principal("tester", "any", frozenset(Scope))
RATE = 8000
PARTIES = (NewParty("customer", "IE", "c1"), NewParty("agent", "IE", "a1"))
Story = Callable[[Deployment], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    with open_deployment(Settings(folder / "data", folder / "keys" / "root.key", hold_back=1.0)) as d:

        async def whole() -> None:
            await recover(d)
            await story(d)

        asyncio.run(whole())


async def say(d: Deployment, live: Live, kind: str, t: float, **fields: Any) -> Any:
    return await tell(d, live, WHO, [{"type": kind, "t": t, **fields}], None)


async def recording(d: Deployment, track: str = "customer", seconds: int = 20) -> tuple[Live, Stream]:
    interaction, token = await admit(d, WHO, NewInteraction(parties=PARTIES))
    live = await find(d, interaction)
    await say(d, live, "prompt_delivered", 0.0, prompt_version="v1", channel="ivr")
    await say(d, live, "consent", 0.0, result="accepted", method="verbal", prompt_version="v1")
    stream = await open_stream(d, token, [NewTrack(track, RATE, Encoding.MULAW)], 0.0, "test")
    await hear(d, stream, track, 0, seconds)
    return live, stream


async def hear(d: Deployment, stream: Stream, track: str, start: int, end: int) -> None:
    for frame in range(start * 50, end * 50):
        offer(d, stream, track, frame * 160, bytes([0x12]) * 160)
    while stream.live.sealing:
        await asyncio.wait(set(stream.live.sealing))


def stored(live: Live) -> list[tuple[int, int]]:
    """Samples that are sound, whole track."""
    found = []
    for entry in live.conversation.artifacts.values():
        if entry.track is not None and entry.state is ArtifactState.ACTIVE:
            for segment in entry.segments.values():
                silent = sum(b - a for a, b, _ in segment.gaps)
                found.append((segment.start, segment.start + segment.samples - silent))
    return sorted(found)


async def fails(d: Deployment, live: Live, error: type[Exception], kind: str, t: float, **fields: Any) -> None:
    commit = d.store.commit

    def broken(_group: object) -> None:
        raise error("no room")

    setattr(d.store, "commit", broken)  # noqa: B010  the port has no such assignment: a broken disk
    try:
        with pytest.raises(GatesShutError):
            await say(d, live, kind, t, **fields)
    finally:
        setattr(d.store, "commit", commit)  # noqa: B010  as above


def types(d: Deployment, live: Live) -> list[str]:
    return [row.type for row in d.store.events(d.tenant, live.conversation.interaction)]


def test_an_owed_closing_is_stored_with_the_next_post_and_reaches_what_is_stored(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live, stream = await recording(d)
        assert stored(live)[-1][1] > 10 * RATE
        await fails(d, live, StorageFullError, "opt_out", 10.0, event_id="o", method="verbal", reason_code="no")
        await say(d, live, "call_start", 0.0, event_id="other")
        assert "opt_out" in types(d, live)
        assert "purge_completed" in types(d, live)
        await hear(d, stream, "customer", 20, 30)
        await drain(d, live)
        assert max(end for _, end in stored(live)) <= 10 * RATE

    play(tmp_path, story)


def test_an_owed_closing_is_not_lost_under_another_events_id(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live, stream = await recording(d)
        await fails(d, live, StorageFullError, "opt_out", 15.0, event_id="e1", method="verbal", reason_code="no")
        with pytest.raises(EventConflictError):
            await say(d, live, "call_start", 0.0, event_id="e1")
        await say(d, live, "call_start", 0.0, event_id="e2")
        assert "opt_out" in types(d, live)
        await hear(d, stream, "customer", 20, 30)
        await drain(d, live)
        assert live.timeline.decision(Kind.AUDIO_RECORDING, 25.0).reason == "OPT_OUT"
        assert max(end for _, end in stored(live)) <= 15 * RATE

    play(tmp_path, story)


def test_saying_an_owed_closing_again_stores_it_once(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live, _ = await recording(d)
        closing = {"event_id": "o", "method": "verbal", "reason_code": "no"}
        await fails(d, live, StorageFullError, "opt_out", 12.0, **closing)
        told = await say(d, live, "opt_out", 13.0, **closing)
        assert told.status == 201
        assert types(d, live).count("opt_out") == 1
        assert live.timeline.decision(Kind.AUDIO_RECORDING, 12.5).reason == "OPT_OUT"

    play(tmp_path, story)


def test_a_closing_outlives_the_conversation_that_is_read_anew(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live, _ = await recording(d)
        interaction = live.conversation.interaction
        await fails(d, live, StorageFullError, "opt_out", 10.0, event_id="o", method="verbal", reason_code="no")
        live.halt()
        await mend(d)
        anew = await find(d, interaction)
        assert anew is not live
        assert anew.closed(Kind.TRANSCRIPT, 11.0, 12.0)
        await say(d, anew, "call_start", 0.0, event_id="later")
        assert anew.timeline.decision(Kind.AUDIO_RECORDING, 11.0).reason == "OPT_OUT"
        assert "opt_out" in types(d, anew)

    play(tmp_path, story)


def test_an_owed_erasure_erases_once_it_is_on_record(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live, _ = await recording(d)
        await fails(d, live, StorageFullError, "erasure_request", 20.0, event_id="x", method="email")
        await say(d, live, "call_end", 20.0, event_id="later")
        assert "erasure_completed" in types(d, live)
        assert {a.state for a in live.conversation.artifacts.values()} == {ArtifactState.ERASED}

    play(tmp_path, story)


def test_an_erasure_reaches_a_track_on_which_everybody_is_heard(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live, _ = await recording(d, track="mixed")
        (entry,) = live.conversation.artifacts.values()
        assert set(entry.persons) == set(live.conversation.everybody())
        await say(d, live, "erasure_request", 20.0, party="customer", method="email")
        with pytest.raises(Exception, match="erased"):
            await disclose(d, live, WHO, entry.artifact, 0, None)

    play(tmp_path, story)


def test_an_erasure_by_party_id_takes_that_party_and_no_other(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live, _ = await recording(d)
        await say(d, live, "erasure_request", 20.0, party_id="a1", method="email")
        assert {a.state for a in live.conversation.artifacts.values()} == {ArtifactState.ACTIVE}
        await say(d, live, "erasure_request", 21.0, party_id="c1", method="email")
        assert {a.state for a in live.conversation.artifacts.values()} == {ArtifactState.ERASED}

    play(tmp_path, story)


def test_no_media_enters_once_the_seal_has_begun(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        interaction, token = await admit(d, WHO, NewInteraction(parties=PARTIES))
        live = await find(d, interaction)
        await say(d, live, "call_start", 0.0)
        track = [NewTrack("customer", RATE, Encoding.MULAW)]
        sealing = asyncio.create_task(seal(d, live, WHO))
        opening = asyncio.create_task(open_stream(d, token, track, 0.0, "test"))
        await asyncio.wait([sealing, opening])
        assert sealing.exception() is None
        late = types(d, live)
        assert late.index("interaction_sealed") == len(late) - 1 or "stream_opened" not in late
        if opening.exception() is not None:
            assert isinstance(opening.exception(), SealedError)

    play(tmp_path, story)
