"""No block of random bytes is given twice."""

import os
from concurrent.futures import ThreadPoolExecutor

from onrecord.base import draw


def test_no_thread_is_given_what_another_has():
    with ThreadPoolExecutor(4) as threads:
        given = [
            block for part in threads.map(lambda _: [draw.block() for _ in range(500)], range(8)) for block in part
        ]
    assert len(set(given)) == len(given)
    assert {len(block) for block in given} == {draw.BLOCK_BYTES}


def test_a_child_is_not_given_what_its_parent_has_drawn():
    draw.block()
    own, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(told, b"".join(draw.block() for _ in range(100)))
        os._exit(0)
    os.close(told)
    with os.fdopen(own, "rb") as read:
        theirs = read.read()
    assert os.waitpid(child, 0)[1] == 0
    assert len(theirs) == 100 * draw.BLOCK_BYTES
    ours = {draw.block() for _ in range(100)}
    assert not ours & {theirs[at : at + draw.BLOCK_BYTES] for at in range(0, len(theirs), draw.BLOCK_BYTES)}
