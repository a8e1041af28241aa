"""Whole messages out of WebSocket frames."""

from picows import WSFrame, WSMsgType

from onrecord.capture.errors import WireError

MAX_MESSAGE = 1_100_000  # bytes
MAX_FRAME = 3 * MAX_MESSAGE // 2  # beyond this the socket library ends the connection itself, with 1009

_CONTINUATION, _BINARY = WSMsgType.CONTINUATION, WSMsgType.BINARY


class Messages:
    """Puts fragments together (RFC 6455, section 5.4). Control frames are not for it."""

    __slots__ = ("_binary", "_partial")

    def __init__(self) -> None:
        self._partial: bytearray | None = None
        self._binary = False

    def take(self, frame: WSFrame) -> tuple[bytes, bool] | None:
        """(message, whether it is binary) where the frame completes one. Errors: WireError frame_too_large,
        bad_fragment; the socket is then of no more use."""
        kind = frame.msg_type
        if kind is _CONTINUATION:
            if self._partial is None:
                raise WireError("a continuation of nothing", code="bad_fragment")
        elif self._partial is not None:
            raise WireError("a message inside another", code="bad_fragment")
        else:
            self._binary = kind is _BINARY
        payload = frame.get_payload_as_bytes()
        if len(payload) + len(self._partial or b"") > MAX_MESSAGE:
            raise WireError("a message larger than any of these protocols", code="frame_too_large")
        if self._partial is None:
            if frame.fin:
                return payload, self._binary
            self._partial = bytearray(payload)
            return None
        self._partial += payload
        if not frame.fin:
            return None
        whole, self._partial = bytes(self._partial), None
        return whole, self._binary
