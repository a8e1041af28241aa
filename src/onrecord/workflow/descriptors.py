"""File descriptors of this process: those that connections leave to the stores."""

import os
import resource

RESERVED = 32


def is_last(descriptor: int) -> bool:
    """Whether it is one of those that are kept back: the lowest free one is always given first."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return descriptor >= most - min(RESERVED, most // 4)


def are_scarce() -> bool:
    """Whether the next one would be one of the last, or there is none."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    os.close(descriptor)
    return is_last(descriptor)
