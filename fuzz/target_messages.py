"""Messages out of WebSocket frames. Of three bytes the first says which frame it is, the others how long; its payload
is the three, over and over. The bound of a message is brought near, so that inputs reach it."""

from dataclasses import dataclass

from picows import WSMsgType

from fuzz.engine import Target
from fuzz.oracles import Refusals, holds
from onrecord.entrypoints.ingest import messages

messages.MAX_MESSAGE = 2000
KINDS = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION)
SAID = Refusals()


@dataclass(frozen=True)
class Frame:
    """What is used of the library's own."""

    msg_type: WSMsgType
    fin: bool
    payload: bytes

    def get_payload_as_bytes(self) -> bytes:
        return self.payload


def frames(data: bytes) -> list[Frame]:
    found = []
    for at in range(0, len(data) - 2, 3):
        head, length, pattern = data[at], int.from_bytes(data[at + 1 : at + 3], "big") % 4096, data[at : at + 3]
        found.append(Frame(KINDS[head % 3], bool(head & 0x40), (pattern * (length // 3 + 1))[:length]))
    return found


def check(data: bytes) -> None:
    """Against the plainest way to do it: the frames of one message, joined."""
    assembly = messages.Messages()
    parts: list[Frame] = []
    for frame in frames(data):
        whole, (code, _, _) = SAID.of(assembly.take, frame)
        continues = frame.msg_type is WSMsgType.CONTINUATION
        if continues != bool(parts):
            holds(code == "bad_fragment", "a frame out of place ends the socket")
            return
        parts.append(frame)
        joined = b"".join(part.payload for part in parts)
        if len(joined) > messages.MAX_MESSAGE:
            holds(code == "frame_too_large", "a message is bounded")
            return
        holds(code == "", "a frame in its place is taken")
        expected = (joined, parts[0].msg_type is WSMsgType.BINARY) if frame.fin else None
        holds(whole == expected, "a message is its frames, joined")
        if frame.fin:
            parts = []


def written(kind: WSMsgType, length: int, *, fin: bool) -> bytes:
    head = next(head for head in range(256) if KINDS[head % 3] is kind and bool(head & 0x40) is fin)
    return bytes([head]) + length.to_bytes(2, "big")


SEEDS = (
    written(WSMsgType.TEXT, 5, fin=True) + written(WSMsgType.BINARY, 9, fin=True),
    written(WSMsgType.TEXT, 5, fin=False) + written(WSMsgType.CONTINUATION, 0, fin=False),
    written(WSMsgType.BINARY, 5, fin=False) + written(WSMsgType.CONTINUATION, 7, fin=True) * 2,
    written(WSMsgType.BINARY, 1000, fin=False) + written(WSMsgType.CONTINUATION, 1000, fin=True),
)
TARGET = Target(check, SEEDS)
