"""Messages that this process no longer has in memory, made again from the log, page by page."""

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from onrecord.evidence.replay import fact_of
from onrecord.interaction.events import INTERNAL, PRODUCT, Event, Internal
from onrecord.interaction.record import fold
from onrecord.ledger import leaf
from onrecord.policy.kernel import Timeline
from onrecord.policy.stepwise import finished
from onrecord.storage.ports import EventRow
from onrecord.workflow import journal
from onrecord.workflow.changes import messages
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.feed import Message
from onrecord.workflow.packs import timeline_of

PAGE_LEAVES = 200
MAX_STATES = 64
HEAD = frozenset({Internal.INTERACTION_OPENED, Internal.PARTY_ADDED})
FACTS = {Internal.EVENT_REPEATED, Internal.EVENT_CONFLICTED, Internal.SYSTEM_BARRED, Internal.SYSTEM_ANSWERED}
SILENT = INTERNAL - FACTS


@dataclass(frozen=True, slots=True)
class _State:
    """A conversation as of its event `seq`."""

    timeline: Timeline
    seq: int


class History:
    """All messages after (leaf index, ordinal), of one interaction or of all, in order. At most one page is being made
    at a time in this process. Memory: one page, and the timelines of the last MAX_STATES conversations."""

    def __init__(self, d: Deployment, after: tuple[int, int], interaction: str | None) -> None:
        self._d = d
        self._after = min(after, (d.sequencer.size - 1, sys.maxsize))
        self._interaction = interaction
        self._next = max(0, self._after[0])
        self._states: dict[str, _State] = {}

    @property
    def reached(self) -> tuple[int, int]:
        """All messages up to here were given."""
        return max(self._after, (self._next - 1, sys.maxsize))

    @property
    def exhausted(self) -> bool:
        """Whether the log has nothing more now."""
        return self._next >= self._d.sequencer.size

    async def page(self) -> list[Message]:
        """The next messages; perhaps none. Errors: StorageError, VaultError, LogInconsistentError."""
        return await asyncio.get_running_loop().run_in_executor(self._d.far_reader, self._page)

    def _page(self) -> list[Message]:
        size = self._d.sequencer.size
        if self._interaction is None:
            until = min(self._next + PAGE_LEAVES, size)
            rows = {name: self._rows(name) for name in self._touched(until)}
        else:
            mine = self._rows(self._interaction)
            until = mine[PAGE_LEAVES].index if len(mine) > PAGE_LEAVES else size
            rows = {self._interaction: mine}
        found = [message for name, part in rows.items() for message in self._told(name, part, until)]
        self._next = max(self._next, until)
        return sorted(found, key=lambda message: message.position)

    def _touched(self, until: int) -> set[str]:
        """Interactions with an event in the leaves before `until`."""
        entries = self._d.store.entries(self._d.tenant, self._next, until)
        return {f"int_{leaf.parse(entry).interaction.hex()}" for entry in entries}

    def _rows(self, interaction: str) -> list[EventRow]:
        state = self._states.get(interaction)
        return self._d.store.events(self._d.tenant, interaction, -1 if state is None else state.seq)

    def _told(self, interaction: str, rows: list[EventRow], until: int) -> Iterable[Message]:
        state = self._states.pop(interaction, None)
        timeline = self._beginning(interaction, rows) if state is None else state.timeline
        seq = -1 if state is None else state.seq
        for row in rows:
            if row.index >= until:
                break
            seq = row.seq
            event = None if row.type in SILENT else journal.read(self._d, row)
            if timeline.head.started is None and _starts(row, event):
                timeline = timeline.begun(row.recorded_at)
            fact = None if event is None else fact_of(event)
            if event is None or fact is None:
                continue
            before, timeline = timeline, timeline.with_fact(fact)
            if row.index >= self._after[0]:
                made = finished(messages(interaction, before, timeline, {event.event_id: row.index}, row.index))
                yield from (message for message in made if message.position > self._after)
        self._states[interaction] = _State(timeline, seq)
        if len(self._states) > MAX_STATES:
            del self._states[next(iter(self._states))]

    def _beginning(self, interaction: str, rows: list[EventRow]) -> Timeline:
        """Before any fact."""
        read = (journal.read(self._d, row) for row in rows if row.type in HEAD)
        return timeline_of(self._d, fold(interaction, (event for event in read if event is not None)))


def _starts(row: EventRow, event: Event | None) -> bool:
    """Whether it starts the clock of its conversation, if it is the first that does."""
    told = event is not None and event.type not in INTERNAL and event.principal != PRODUCT
    return told or row.type == Internal.STREAM_OPENED
