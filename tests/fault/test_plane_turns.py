"""A long post is told in slices: between them the event loop turns, and nothing waits for the whole of it. What runs in
one turn is counted, not timed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from onrecord.entrypoints.bootstrap import Settings, open_deployment
from onrecord.policy.fold import Fold
from onrecord.policy.kinds import Kind
from onrecord.workflow import changes, tell
from onrecord.workflow.admit import NewInteraction, NewParty, admit
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.find import find
from onrecord.workflow.live import Live
from onrecord.workflow.principal import Principal, Scope

WHO = Principal("tester", "any", frozenset(Scope))
PARTIES = (NewParty("customer", "IE"), NewParty("agent", "IE"))
AUDIO = Kind.AUDIO_RECORDING
Event = dict[str, Any]


def play(folder: Path, story: Callable[[Deployment], Coroutine[Any, Any, None]]) -> None:
    with open_deployment(Settings(folder / "data", folder / "keys" / "root.key")) as d:
        asyncio.run(story(d))


async def begun(d: Deployment) -> Live:
    interaction, _ = await admit(d, WHO, NewInteraction(parties=PARTIES))
    live = await find(d, interaction)
    consent = {"type": "consent", "t": 0.0, "result": "accepted", "method": "verbal", "prompt_version": "v1"}
    prompt = {"type": "prompt_delivered", "t": 0.0, "prompt_version": "v1"}
    await tell.tell(d, live, WHO, [prompt, consent], None)
    return live


def turns(count: int, first: float = 1.0) -> list[Event]:
    """Stretches of payment, one after the other."""
    kinds = ("segment_start", "segment_end")
    return [{"type": kinds[n % 2], "segment": "payment", "t": first + n / 10} for n in range(count)]


def late(count: int) -> list[Event]:
    """Openings, from the last to the first: each comes before all that was told."""
    return [{"type": "opt_in", "t": 500.0 - n / 10, "kinds": ["sentiment"]} for n in range(count)]


class Counted:
    """How much is read, folded and made into messages in a turn of the loop, at most; how many turns there were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = self.turns = 0
        for where, name in ((tell, "parse"), (Fold, "next"), (changes, "Message")):
            self._count(monkeypatch, where, name)

    def _count(self, monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> None:
        whole = getattr(where, name)

        def counting(*args: Any) -> Any:
            self.now += 1
            self.most = max(self.most, self.now)
            return whole(*args)

        monkeypatch.setattr(where, name, counting)

    async def during(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self.now = self.most = self.turns = 0
        while not task.done():
            self.now = 0
            self.turns += 1
            await asyncio.sleep(0)
        await task


@pytest.mark.parametrize("batch", [turns(1000), late(1000)], ids=["closings", "late"])
def test_no_turn_does_more_than_a_few_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: list[Event]
) -> None:
    async def story(d: Deployment) -> None:
        live = await begun(d)
        counted = Counted(monkeypatch)
        await counted.during(tell.tell(d, live, WHO, batch, None))
        assert counted.most <= 100
        assert counted.turns > 2 * len(batch) // 100
        assert len(live.timeline.facts) == len(batch) + 2

    play(tmp_path, story)


def test_a_short_post_takes_no_turn_before_it_acts(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live = await begun(d)
        post = asyncio.ensure_future(tell.tell(d, live, WHO, turns(30), None))
        await asyncio.sleep(0)
        assert live.closed(AUDIO, 1.0, 1.05)
        assert not post.done()
        await post

    play(tmp_path, story)


@pytest.mark.parametrize("same", [True, False])
def test_a_stop_acts_at_once_while_long_posts_are_told(tmp_path: Path, same: bool) -> None:
    async def story(d: Deployment) -> None:
        live, other = await begun(d), await begun(d)
        batch = asyncio.ensure_future(tell.tell(d, live if same else other, WHO, turns(1000, 10.0), None))
        await asyncio.sleep(0)
        stop = asyncio.ensure_future(tell.tell(d, live, WHO, [{"type": "opt_out", "t": 2.0}], None))
        await asyncio.sleep(0)
        assert live.closed(AUDIO, 3.0, 4.0)
        assert not batch.done()
        assert not stop.done()
        await asyncio.gather(batch, stop)
        assert live.closed(AUDIO, 3.0, 4.0)

    play(tmp_path, story)


def test_what_came_first_is_first_on_record_and_first_told_of(tmp_path: Path) -> None:
    async def story(d: Deployment) -> None:
        live, other = await begun(d), await begun(d)
        heard = d.feed.subscribe(None, None)
        long = asyncio.ensure_future(tell.tell(d, live, WHO, turns(300, 10.0), None))
        await asyncio.sleep(0)
        short = asyncio.ensure_future(tell.tell(d, live, WHO, [{"type": "opt_out", "t": 60.0}], None))
        others = [tell.tell(d, other, WHO, [{"type": kind, "t": 3.0}], None) for kind in ("opt_out", "opt_in")]
        messages: list[Any] = []
        pending = asyncio.gather(long, short, *others)
        while not pending.done():
            heard_now = asyncio.ensure_future(heard.next())
            await asyncio.wait({heard_now, pending}, return_when=asyncio.FIRST_COMPLETED)
            if not heard_now.done():
                heard_now.cancel()
                break
            messages += heard_now.result()
        answers = await pending
        assert answers[0].body["leaf_index"] < answers[1].body["leaf_index"]
        received = [fact.received for fact in live.timeline.facts]
        assert received == sorted(received)
        assert not heard.cut
        assert len(messages) > 300
        positions = [message.position for message in messages]
        assert positions == sorted(positions)

    play(tmp_path, story)
