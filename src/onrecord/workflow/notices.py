"""What the interaction is told of the machine underneath it: at once where the record takes it, else once it does."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.interaction.events import Internal
from onrecord.workflow import journal
from onrecord.workflow.deployment import Deployment
from onrecord.workflow.live import Live

MAX_UNSAID = 64
log = structlog.get_logger("notices")


def notice(d: Deployment, live: Live, kind: Internal, data: Mapping[str, Any], t: float) -> None:
    """Waits for nothing. A crash before it is durable loses it; what is said after one tells of the loss. Of very many
    the last are told in the log alone."""
    if len(live.unsaid) >= MAX_UNSAID:
        log.error("notice_dropped", code=kind.value)
        return
    live.unsaid.append(journal.internal(live, d, kind, data, t=t))
    task = asyncio.get_running_loop().create_task(_say(d, live))
    live.sealing.add(task)
    task.add_done_callback(live.sealing.discard)


async def _say(d: Deployment, live: Live) -> None:
    """What fails is left for `mend`."""
    try:
        async with live.lock:
            await say(d, live)
    except OnRecordError as error:
        log.error("notice_put_off", code=error.code)
    except Exception as error:  # noqa: BLE001  a task of its own: nobody else would hear of it
        log.error("notice_put_off", error=type(error).__name__)


async def say(d: Deployment, live: Live) -> None:
    """Under the lock: all that is unsaid, in order. Errors: StorageError, VaultError."""
    while live.unsaid:
        event = live.unsaid[0]
        await journal.append(d, live, [event])
        live.unsaid.remove(event)
