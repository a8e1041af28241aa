"""Why this server cannot do its work at present: a set of stable codes, empty where it can."""

from enum import StrEnum

import structlog

from onrecord.base.errors import OnRecordError
from onrecord.workflow.deployment import Deployment

log = structlog.get_logger("health")


class Trouble(StrEnum):
    """What an operator has to look at. While one is reported the server is alive and not ready."""

    RECOVERING = "recovering"
    STOPPING = "stopping"
    OVERLOADED = "overloaded"
    STORAGE_FULL = "storage_full"
    STORAGE_READONLY = "storage_readonly"
    STORAGE_UNKNOWN = "storage_unknown"
    STORAGE_UNREADABLE = "storage_unreadable"
    STORAGE_BUSY = "storage_busy"
    STORAGE_SLOW = "storage_slow"
    STORAGE_LOST = "storage_lost"
    KEY_STORE = "key_store"
    KEYS_LOST = "keys_lost"
    LOG_INCONSISTENT = "log_inconsistent"
    OUT_OF_FILES = "out_of_files"


STAGES = frozenset({Trouble.RECOVERING, Trouble.STOPPING})
"""A part of every start and end, and no fault."""


def report(d: Deployment, code: Trouble) -> None:
    """Again: nothing. From any thread."""
    if code not in d.troubles:
        d.troubles.add(code)
        if code in STAGES:
            log.info("stage", code=code.value)
        else:
            log.error("trouble", code=code.value)


def recovered(d: Deployment, code: Trouble) -> None:
    """Where it was not reported: nothing. From any thread."""
    if code in d.troubles:
        d.troubles.discard(code)
        if code not in STAGES:
            log.info("trouble_over", code=code.value)


def report_error(d: Deployment, error: OnRecordError) -> None:
    """An error whose code is that of a trouble; any other: nothing."""
    if error.code in _BY_CODE:
        report(d, _BY_CODE[error.code])


def troubles(d: Deployment) -> list[str]:
    """In order of their codes: those reported, and overload as long as any stream is behind."""
    behind = {Trouble.OVERLOADED.value} if any(live.overloads for live in d.live.values()) else set()
    return sorted(d.troubles | behind)


_BY_CODE = {code.value: code for code in Trouble} | {
    "not_stored": Trouble.STORAGE_UNKNOWN,
    "key_store_full": Trouble.KEY_STORE,
    "key_store_unknown": Trouble.KEY_STORE,
    "log_key_mismatch": Trouble.LOG_INCONSISTENT,
}
