"""Once a second: keeps the account of every live track durable, so that a crash is told in samples, and tries again
what a failed write left undone."""

import asyncio
from typing import Any

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.storage.ports import Record
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.recover import mend
from onrecord.workflow.side_records import RecordKind, sealed

INTERVAL_SECONDS = 1.0
log = structlog.get_logger("account")


async def keep_account(d: Deployment) -> None:
    """Runs until cancelled."""
    keeper = Keeper(d)
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        await keeper.round()


class Keeper:
    def __init__(self, d: Deployment) -> None:
        self._d = d
        self._kept: dict[str, dict[str, Any]] = {}

    async def round(self) -> None:
        """A failed write is retried with the next round."""
        d = self._d
        try:
            records = [self._record(name, body) for name, body in self._changed().items()]
            if records:
                await asyncio.get_running_loop().run_in_executor(d.executor, d.store.put, d.tenant, records)
        except OnRecordError as error:
            log.error("account_not_kept", code=error.code)
            self._kept.clear()
        await mend(d)

    def _changed(self) -> dict[str, dict[str, Any]]:
        """Per interaction the present counters of its tracks, and the last ones that an event told of each."""
        now = {}
        for name, live in self._d.live.items():
            if live.tracks and not live.halted:
                told = {n: dict(entry.accounting) for n, entry in live.conversation.tracks.items()}
                now[name] = {"tracks": {t.name: t.gate.snapshot() for t in live.tracks.values()}, "told": told}
        changed = {name: body for name, body in now.items() if self._kept.get(name) != body}
        self._kept = now
        return changed

    def _record(self, name: str, body: dict[str, Any]) -> Record:
        return sealed(self._d.vault, self._d.tenant, RecordKind.ACCOUNTING, name, body, interaction=name)
