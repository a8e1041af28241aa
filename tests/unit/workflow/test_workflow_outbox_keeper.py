"""A look at one conversation that fails is made again, and keeps none from theirs."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from onrecord.base.clock import ManualClock
from onrecord.workflow import outbox_keeper
from onrecord.workflow.outboxes import Outbox


def test_a_look_that_meets_what_nobody_expects_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(outbox_keeper, "find", broken)
    outbox = Outbox()
    outbox.due |= {"int_1": 0.0, "int_2": 0.0}
    d: Any = SimpleNamespace(outbox=outbox, clock=ManualClock(), live={})
    asyncio.run(outbox_keeper.look_round(d))
    assert outbox.due.keys() == {"int_1", "int_2"}
    assert min(outbox.due.values()) > 0.0
