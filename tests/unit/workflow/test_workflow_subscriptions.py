"""What one conversation's messages meet holds up no other's."""

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

from onrecord.capture.errors import ControlError
from onrecord.capture.orders import Message
from onrecord.workflow import subscriptions
from onrecord.workflow.subscribers import Subscriber, Subscribers, Waiting


class Receiver:
    """Never takes what begins with `bad`."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.done = asyncio.Event()

    async def post(self, url: str, message: Message) -> None:
        if message.id.startswith("bad"):
            raise ControlError("the system refused", code="control_refused")
        self.taken.append(message.id)
        if len(self.taken) == 3:
            self.done.set()

    async def get(self, url: str, query: Any) -> bytes:
        return b""

    async def close(self) -> None:
        return


def test_a_message_that_is_never_taken_holds_up_its_own_conversation_alone() -> None:
    async def whole() -> list[str]:
        receiver = Receiver()
        subscriber = Subscriber("whk_1", "https://a/b", frozenset({"alert"}), b"", receiver)
        for number, name in enumerate(("bad 1", "bad 2", "good 1", "good 2", "good 3")):
            interaction = name if name != "bad 2" else "bad 1"
            subscriber.add(interaction, Waiting(f"whk_1/{number}", Message(name, b"{}")))
        d: Any = SimpleNamespace(
            subscribers=Subscribers(),
            store=SimpleNamespace(delete=lambda *_: None),
            tenant="t",
            writers=None,
        )
        subscriber.failures = 1  # it was down just now: one message at a time
        loop = asyncio.create_task(subscriptions._run(d, subscriber))
        async with asyncio.timeout(30):
            await receiver.done.wait()
        loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loop
        return receiver.taken

    assert asyncio.run(whole()) == ["good 1", "good 2", "good 3"]
