"""How far a long command is: one line that is written over on a terminal, plain lines where it is piped."""

import sys
from typing import Self

_ON_A_TERMINAL = 50
_PIPED = 1000
_CLEAR = "\r\x1b[K"


class Progress:
    """On standard error. Within it `say` puts a line on standard output."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def step(self, told: str) -> None:
        """One more is done. `told`: how far that is, without a line's end."""
        self._count += 1
        if self._count % (_ON_A_TERMINAL if self._terminal else _PIPED):
            return
        print(
            _CLEAR + told if self._terminal else told, end="" if self._terminal else "\n", file=sys.stderr, flush=True
        )

    def say(self, line: str) -> None:
        self._clear()
        print(line)

    def _clear(self) -> None:
        if self._terminal:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
