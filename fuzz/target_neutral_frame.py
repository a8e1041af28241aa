"""The neutral socket, binary frames."""

from fuzz.engine import Target
from fuzz.oracles import Refusals, holds
from onrecord.capture.wire import neutral

SEEDS = (neutral.Frame(0, 0, b""), neutral.Frame(1, 160, bytes(range(40))), neutral.Frame(255, 2**64 - 1, b"\xff"))
SAID = Refusals()


def check(data: bytes) -> None:
    frame, (code, media, _) = SAID.of(neutral.parse_frame, data)
    if frame is None:
        holds(code == "frame_too_short" and media and len(data) < 9, "a frame with a head is taken")
        return
    holds(neutral.render_frame(frame) == data, "print of parse is identity")
    for same in (bytearray(data), memoryview(data)):
        holds(neutral.parse_frame(same) == frame, "every kind of buffer is read alike")


TARGET = Target(check, [neutral.render_frame(frame) for frame in SEEDS])
