"""What libraries, warnings and crashes say, as lines of our own: their words may quote content and are not logged."""

import logging
import sys
import threading
from types import TracebackType

import structlog
from typing_extensions import override

log = structlog.get_logger("process")


class _Bare(logging.Handler):
    """Which library, and the type of its error."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        library = record.name.partition(".")[0]
        if record.levelno >= logging.ERROR:
            log.error("library_failed", library=library, error=type(error).__name__)
        else:
            log.warning("library_warned", library=library)


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:  # noqa: ARG001  the hook's signature
    log.error("crashed", error=type(error).__name__)


def _thread_crashed(crash: threading.ExceptHookArgs) -> None:
    error = crash.exc_value
    log.error("crashed", error=type(error).__name__)


def _unraisable(crash: "sys.UnraisableHookArgs") -> None:
    error = crash.exc_value
    log.error("crashed", error=type(error).__name__)


def take_over() -> None:
    """Of this process, from now on."""
    logging.basicConfig(handlers=[_Bare()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _crashed
    sys.unraisablehook = _unraisable
    threading.excepthook = _thread_crashed
