"""Genesys AudioHook, text messages."""

from fuzz.json_form import Laws, target
from fuzz.oracles import holds
from onrecord.capture.wire import audiohook, audiohook_render

HEAD = ("11111111-2222-3333-4444-555555555555", 1, 0, 4000)
BOTH = audiohook.Media("PCMU", ("external", "internal"))
ONE = audiohook.Media("L16", ("external",))
SEEDS: tuple[audiohook.Message, ...] = (
    audiohook.Open(*HEAD, HEAD[0], HEAD[0], (BOTH, ONE), (HEAD[0],), "token-1", 1.5),
    audiohook.Open(*HEAD, HEAD[0], audiohook.NOBODY, (ONE,)),
    *(audiohook.Close(*HEAD, why) for why in audiohook.Why),
    audiohook.Ping(*HEAD),
    audiohook.Paused(*HEAD),
    audiohook.Resumed(*HEAD, 4000, 800),
    audiohook.Discarded(*HEAD, 0, 1),
    audiohook.Update(*HEAD),
    audiohook.Error(*HEAD, 400),
    audiohook.Dtmf(*HEAD, "5"),
)
LAWS = Laws(audiohook, audiohook_render)


def check(data: bytes) -> None:
    message = LAWS.check(data)
    if isinstance(message, audiohook.Open):
        for media in message.media:
            holds(set(media.tracks) <= {"customer", "agent"}, "a track is one of two")
            holds(len(set(media.tracks)) == len(media.tracks) > 0, "no track comes twice")


TARGET = target(check, [audiohook_render.render(message) for message in SEEDS])
