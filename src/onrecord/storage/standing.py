"""Whether the files that a process holds open still stand under their names."""

import os
from collections.abc import Sequence
from pathlib import Path


class Standing:
    """A file that was removed or replaced goes on taking writes, which nobody finds again."""

    def __init__(self, growing: Sequence[Path], others: Sequence[Path] = ()) -> None:
        """As they are now; `growing` never become shorter. Errors: OSError where one is not there."""
        self._files = [(str(file), file.stat(), file.stat().st_size) for file in growing]
        self._files += [(str(file), file.stat(), 0) for file in others]

    def holds(self) -> bool:
        """Whether all are there, the same ones, and none was cut. From any thread."""
        for name, then, size in self._files:
            try:
                now = os.stat(name)  # noqa: PTH116  once for each group of events: half the time of a Path's
            except OSError:
                return False
            if now.st_ino != then.st_ino or now.st_dev != then.st_dev or now.st_size < size:
                return False
        return True
