"""Random bytes of the system, drawn many at a time: a call of it costs more than the bytes it brings, and lets other
threads go first. Not for nonces: a machine that is set back to an image of its memory would draw the same again."""

import os
from collections import deque

BLOCK_BYTES = 32
_TOGETHER = 64

_blocks: deque[bytes] = deque()
os.register_at_fork(after_in_child=_blocks.clear)


def block() -> bytes:
    """32 bytes that nobody else is given: in no other thread, and in no other process that was forked from this one."""
    while True:
        try:
            return _blocks.popleft()
        except IndexError:
            drawn = os.urandom(_TOGETHER * BLOCK_BYTES)
            _blocks.extend([drawn[at : at + BLOCK_BYTES] for at in range(0, len(drawn), BLOCK_BYTES)])
