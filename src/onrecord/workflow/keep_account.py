"""Once a second: keeps the account of every live track durable, so that a crash is told in samples, and tries again
what a failed write left undone."""

import asyncio
from typing import Any

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.storage.ports import Record
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.find import make_room
from onrecord.workflow.health import Trouble, recovered, report, report_error
from onrecord.workflow.live import Live
from onrecord.workflow.recover import mend
from onrecord.workflow.side_records import RecordKind, sealed
from onrecord.workflow.turns import turn
from onrecord.workflow.watch import watch

INTERVAL_SECONDS = 1.0
AT_ONCE = 2  # conversations looked at in one turn of the event loop
SLOW_SECONDS = 2.0
log = structlog.get_logger("account")


async def keep_account(d: Deployment) -> None:
    """Runs until cancelled, whatever a round meets."""
    keeper = Keeper(d)
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            await keeper.round()
        except Exception as error:  # noqa: BLE001  the outermost loop of a task that nobody awaits
            log.error("round_failed", error=type(error).__name__)


class Keeper:
    def __init__(self, d: Deployment) -> None:
        self._d = d
        self._kept: dict[str, object] = {}

    async def round(self) -> None:
        """A failed write is retried with the next round."""
        d = self._d
        d.acks.look_again()
        d.writing.look_again()
        changed, now = await self._changed()
        loop = asyncio.get_running_loop()
        slow = loop.call_later(SLOW_SECONDS, report, d, Trouble.STORAGE_SLOW)
        try:
            if changed:
                await loop.run_in_executor(d.writers, self._keep, changed)
            self._kept = now
        except OnRecordError as error:
            log.error("account_not_kept", code=error.code)
            report_error(d, error)
            self._kept = {}
        finally:
            slow.cancel()
            recovered(d, Trouble.STORAGE_SLOW)
        make_room(d)
        await watch(d)
        await mend(d)

    async def _changed(self) -> tuple[dict[str, dict[str, Any]], dict[str, object]]:
        """Per interaction the present counters of its tracks, and the last ones that an event told of each; and by
        which mark a change is known. What is sealed changes by events alone."""
        now: dict[str, object] = {}
        changed: dict[str, dict[str, Any]] = {}
        for count, (name, live) in enumerate(tuple(self._d.live.items())):
            if count % AT_ONCE == AT_ONCE - 1:
                await turn()
            if live.tracks and live.conversation.seal is None and not live.halted:
                if self._kept.get(name) != _mark(live):
                    told = {n: dict(entry.accounting) for n, entry in live.conversation.tracks.items()}
                    tracks = {t.name: t.gate.snapshot() for t in live.tracks.values()}
                    changed[name] = {"tracks": tracks, "told": told}
                now[name] = _mark(live)
        return changed, now

    def _keep(self, changed: dict[str, dict[str, Any]]) -> None:
        d = self._d
        kind = RecordKind.ACCOUNTING
        records: list[Record] = [
            sealed(d.vault, d.tenant, kind, name, body, interaction=name) for name, body in changed.items()
        ]
        d.store.put(d.tenant, records)


def _mark(live: Live) -> object:
    """Other with every sample that comes or changes its fate."""
    return [(t.name, t.gate.mark) for t in live.tracks.values()]
