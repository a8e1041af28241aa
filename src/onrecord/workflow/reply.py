"""The answer to a post: made before the commit, so that it can be stored with it; indices come after."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from msgspec import Raw

from onrecord.ledger.sequencer import Sequenced
from onrecord.policy.kernel import Timeline
from onrecord.policy.verdict import Flag
from onrecord.workflow import views
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live, facts_of
from onrecord.workflow.statement import Sorted
from onrecord.workflow.turns import stepwise


class Reply(NamedTuple):
    """`before`: the timeline that the post adds to; `raised`: the flags that it raises; `first`: the leaf of what it
    only repeats; `after`, `moment`: where its decisions stand, and for when, in seconds."""

    before: Timeline
    raised: Sequence[Flag]
    first: int | None
    after: Timeline
    moment: float

    @classmethod
    async def to(cls, d: Deployment, live: Live, post: Sorted) -> Self:
        """Under the lock."""
        before = live.timeline
        after = await stepwise(before.telling(facts_of(post.events)))
        now = live.now(live.clock_ns(d.clock))
        known = max([now, live.conversation.last_received, *[event.received for event in post.events]])
        raised = after.flags_since(before, known, {event.event_id for event in post.events})
        repeated = [Flag("DUPLICATE_EVENT", event.t, event.event_id) for event in post.repeated]
        first = live.said.get(post.repeated[0].event_id) if post.repeated and not post.fresh else None
        return cls(
            before,
            list(dict.fromkeys([*raised, *repeated])),
            None if first is None else first.leaf_index,
            after,
            max([now, *[event.t for event in post.events]]),
        )

    def kept(self, places: Sequence[Sequenced]) -> dict[str, Any]:
        """The answer as values, to be stored."""
        return {**self.finish(places), "decisions": self.after.shown(self.moment)}

    def finish(self, places: Sequence[Sequenced]) -> dict[str, Any]:
        """Its decisions as they are sent. A repetition names the leaf of what it repeats."""
        last = places[-1] if places else None
        index = self.first if self.first is not None or last is None else last.index
        tree_size = None if last is None else last.tree_size
        return {
            "decisions": Raw(self.after.written(self.moment).encode()),
            "flags": views.flags(self.raised),
            "leaf_index": index,
            "tree_size": tree_size,
        }
