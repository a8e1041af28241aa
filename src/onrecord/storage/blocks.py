"""Blocks of events: what the SQLite store keeps in one row (docs/design/ledger.md). MessagePack."""

from collections.abc import Iterator, Sequence

import msgspec

from onrecord.storage.ports import EventRow, Run, StorageUnreadableError

_EVENTS = 32


class Block(msgspec.Struct, array_like=True, gc=False):
    """Consecutive events. `links`: for each interaction among them, the block that holds its event before these."""

    runs: list[Run]
    links: dict[str, int]

    def rows(self, base: int, interaction: str, after_seq: int) -> list[EventRow]:
        """What it holds of the interaction, where its first event has the index `base` in the log."""
        found: list[EventRow] = []
        for run in self.runs:
            if run.interaction == interaction and run.seq + len(run.entries) > after_seq + 1:
                found += [row for row in run.rows(base) if row.seq > after_seq]
            base += len(run.entries)
        return found


def in_blocks(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """No run is parted, so a block may hold more events than it should."""
    block: list[Run] = []
    count = 0
    for run in runs:
        block.append(run)
        count += len(run.entries)
        if count >= _EVENTS:
            yield block
            block, count = [], 0
    if block:
        yield block


encode = msgspec.msgpack.Encoder().encode


def decode(blob: bytes) -> Block:
    try:
        return msgspec.msgpack.decode(blob, type=Block)
    except msgspec.MsgspecError as error:
        raise StorageUnreadableError("a block of events is broken") from error
