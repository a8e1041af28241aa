"""espeak-ng as a library: 22,050 Hz int16 sound and the sample at which each word begins."""

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22_050

_SYNCHRONOUS = 2
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_EVENT_WORD = 1
_PARAMETER_RATE = 1
_PARAMETER_PITCH = 3


class SynthesiserError(Exception):
    pass


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h, API revision 12 (espeak-ng 1.51)."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Spoken:
    """`samples`: int16, (samples,). `word_starts`: character offset in the text to sample; words that espeak-ng speaks
    as one ("do not", "of the") share the entry of the first."""

    samples: NDArray[np.int16]
    word_starts: dict[int, int]


class Espeak:
    """One synthesiser of this process. Its breath noise has state: the same texts in the same order in a new process
    give the same samples, another order does not."""

    def __init__(self) -> None:
        try:
            self._lib = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise SynthesiserError("libespeak-ng.so.1 is not installed") from error
        if self._lib.espeak_Initialize(_SYNCHRONOUS, 0, None, 0) != SAMPLE_RATE:
            raise SynthesiserError("espeak-ng did not start at 22,050 Hz")
        self._lib.espeak_Info.restype = ctypes.c_char_p

    @property
    def version(self) -> str:
        return "espeak-ng " + str(self._lib.espeak_Info(None).decode().split()[0])

    def say(self, voice: str, words_per_minute: int, pitch: int, text: str) -> Spoken:
        """Errors: SynthesiserError where the voice is not installed or the synthesis fails."""
        pieces: list[bytes] = []
        starts: dict[int, int] = {}

        def collect(wav: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]") -> int:
            if count:
                pieces.append(ctypes.string_at(wav, 2 * count))
            index = 0
            while events[index].type:
                event = events[index]
                if event.type == _EVENT_WORD and event.length:
                    starts.setdefault(event.text_position - 1, event.sample)
                index += 1
            return 0

        callback = _Callback(collect)
        self._lib.espeak_SetSynthCallback(callback)
        if self._lib.espeak_SetVoiceByName(voice.encode()):
            raise SynthesiserError(f"no voice `{voice}`")
        self._lib.espeak_SetParameter(_PARAMETER_RATE, words_per_minute, 0)
        self._lib.espeak_SetParameter(_PARAMETER_PITCH, pitch, 0)
        data = text.encode()
        if self._lib.espeak_Synth(data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None):
            raise SynthesiserError("the synthesis failed")
        return Spoken(np.frombuffer(b"".join(pieces), dtype="<i2"), starts)
