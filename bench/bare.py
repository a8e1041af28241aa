"""The floor of a media server: a bare asyncio.Protocol with a small frame parser that only decodes the JSON.

`python -m bench.bare READY` listens on loopback and writes {"ws"} to READY. Not for use: it trusts its peer."""

import asyncio
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import cast

import msgspec
import uvloop
from typing_extensions import override

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING = 1, 8, 9
_KEPT = 8000


class _Media(msgspec.Struct):
    timestamp: str
    payload: bytes


class _Message(msgspec.Struct):
    event: str
    media: _Media | None = None


_decode = msgspec.json.Decoder(_Message).decode


class _Bare(asyncio.Protocol):
    def __init__(self) -> None:
        self._wire: asyncio.WriteTransport | None = None
        self._rest = b""
        self._up = False
        self._sound = bytearray()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast("asyncio.WriteTransport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        self._rest = data[self._frames(data, 0 if self._up else self._greet(data)) :]

    def _greet(self, data: bytes) -> int:
        assert self._wire is not None
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return len(data)
        lines = data[:end].split(b"\r\n")
        key = next(line.split(b": ")[1] for line in lines if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self._wire.write(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self._up = True
        return end + 4

    def _frames(self, data: bytes, at: int) -> int:
        """Takes whole frames from `at` on; where the rest begins."""
        size = len(data)
        while size - at >= 6:
            length, head = data[at + 1] & 0x7F, 2
            if length == 126:
                length, head = int.from_bytes(data[at + 2 : at + 4]), 4
            start = at + head + 4
            if size < start + length:
                break
            key = data[at + head : start] * (length // 4 + 1)
            body = int.from_bytes(data[start : start + length]) ^ int.from_bytes(key[:length])
            self._take(data[at] & 0x0F, body.to_bytes(length))
            at = start + length
        return at

    def _take(self, opcode: int, payload: bytes) -> None:
        assert self._wire is not None
        if opcode == _TEXT:
            message = _decode(payload)
            if message.media is not None:
                self._sound += message.media.payload
                if len(self._sound) > _KEPT:
                    self._sound.clear()
        elif opcode == _PING:
            self._wire.write(bytes([0x8A, len(payload)]) + payload)
        elif opcode == _CLOSE:
            self._wire.close()


async def _serve(ready: Path) -> None:
    server = await asyncio.get_running_loop().create_server(_Bare, "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    partial = ready.with_suffix(".partial")
    partial.write_text(json.dumps({"ws": f"ws://127.0.0.1:{port}"}))
    partial.replace(ready)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
