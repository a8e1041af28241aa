"""Media of many calls as fast as the server takes it, at once. `python -m bench.stop_flood WS TOKEN...`"""

import base64
import json
import os
import selectors
import socket
import sys
from typing import Any

from bench.calls import FRAME, FRAME_S, masked

_RATE = 8000
_SECONDS = 900
_TEXT = 0x81
_TRACKS = ("inbound", "outbound")
_AT_ONCE = 65_536


def _start() -> bytes:
    form = {"encoding": "audio/x-mulaw", "sampleRate": _RATE, "channels": 1}
    start: dict[str, Any] = {"accountSid": "AC0", "streamSid": "MZ0", "callSid": "CA0", "tracks": _TRACKS}
    start |= {"mediaFormat": form, "customParameters": {}}
    message = {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ0"}
    return masked(_TEXT, json.dumps(message).encode())


def _stream(payload: str) -> bytes:
    """All that a call says, as bytes of its socket."""
    parts = [_start()]
    for frame in range(int(_SECONDS / FRAME_S)):
        for track in _TRACKS:
            media = f'"media":{{"track":"{track}","chunk":"1","timestamp":"{frame * 20}","payload":"{payload}"}}'
            parts.append(masked(_TEXT, f'{{"event":"media","sequenceNumber":"2",{media},"streamSid":"MZ0"}}'.encode()))
    return b"".join(parts)


def _open(ws: str, token: str) -> socket.socket:
    host, port = ws.removeprefix("ws://").split(":")
    made = socket.create_connection((host, int(port)), 30)
    head = (
        f"GET /v1/ingest/twilio?token={token} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n"
    )
    made.sendall(head.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += made.recv(1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    made.setblocking(False)
    return made


def main(ws: str, tokens: list[str]) -> None:
    """Until it is ended. Says `flowing` on standard output when all sockets are open."""
    said = memoryview(_stream(base64.b64encode(bytes([0x23]) * FRAME).decode()))
    chosen = selectors.DefaultSelector()
    for token in tokens:
        chosen.register(_open(ws, token), selectors.EVENT_WRITE, [0])
    print("flowing", flush=True)
    while chosen.get_map():
        for key, _ in chosen.select():
            at: list[int] = key.data
            wire = key.fileobj
            assert isinstance(wire, socket.socket)
            try:
                at[0] += wire.send(said[at[0] : at[0] + _AT_ONCE])
            except BlockingIOError:
                continue
            except ConnectionError:
                chosen.unregister(wire)
                continue
            if at[0] >= len(said):
                chosen.unregister(wire)


if __name__ == "__main__":
    os.nice(5)
    main(sys.argv[1], sys.argv[2:])
