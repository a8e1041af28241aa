"""Keeps the account of every live track durable as it runs, so that a crash is told in samples."""

import asyncio
from typing import Any

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.side_records import RecordKind, sealed

INTERVAL_SECONDS = 1.0
log = structlog.get_logger("account")


async def keep_account(d: Deployment) -> None:
    """Runs until cancelled. A failed write is retried with the next round."""
    kept: dict[str, Any] = {}
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        records = []
        for name, live in d.live.items():
            tracks = {t.name: t.gate.snapshot() for t in live.tracks.values()}
            if tracks and kept.get(name) != tracks:
                kept[name] = tracks
                body = {"tracks": tracks}
                records.append(sealed(d.vault, d.tenant, RecordKind.ACCOUNTING, name, body, interaction=name))
        for gone in kept.keys() - d.live.keys():
            del kept[gone]
        if records:
            try:
                await loop.run_in_executor(d.executor, d.store.put, d.tenant, records)
            except OnRecordError as error:
                log.error("account_not_kept", code=error.code)
                kept.clear()
