"""The end of a server by force, for where the one in order waits for a disk that does not answer."""

import os
import threading

import structlog

FORCE_SECONDS = 28.0
LAST_WORDS_SECONDS = 0.2
BY_FORCE = 1

log = structlog.get_logger("serve")


def force_later() -> None:
    """The process ends so many seconds from now, whatever it waits for: the next start is as after a kill."""
    timer = threading.Timer(FORCE_SECONDS, _force)
    timer.daemon = True
    timer.start()


def _force() -> None:
    log.error("ended_by_force")
    threading.Event().wait(LAST_WORDS_SECONDS)  # for whoever writes the log
    os._exit(BY_FORCE)
