"""Genesys AudioHook, binary frames: the first byte says in which form the rest is."""

from fuzz.engine import Target
from fuzz.oracles import Refusals, holds
from onrecord.capture.wire import audiohook

FORMS = [
    audiohook.Media(form, channels)
    for form in audiohook.ENCODING_OF
    for channels in (("external",), ("internal",), ("external", "internal"), ("internal", "external"))
]
SAID = Refusals()


def check(data: bytes) -> None:
    if not data:
        return
    media, payload = FORMS[data[0] % len(FORMS)], data[1:]
    parts, (code, _, _) = SAID.of(lambda raw: audiohook.split(raw, media), payload)
    whole = len(media.channels) * media.encoding.width
    if parts is None:
        holds(code == "uneven_frame" and len(payload) % whole, "a whole frame is taken")
        return
    width = media.encoding.width
    woven = (part[at : at + width] for at in range(0, len(parts[0]), width) for part in parts)
    holds(len(parts) == len(media.channels), "a part for each channel")
    holds(b"".join(woven) == payload, "woven together the parts are the frame")


TARGET = Target(check, [bytes([form]) + bytes(range(160)) for form in range(len(FORMS))])
