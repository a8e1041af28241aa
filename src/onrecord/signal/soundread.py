"""Sound files as parts of samples: WAV of every usual width, FLAC, and what else libsndfile reads."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from onrecord.signal.errors import SignalError

MAX_CHANNELS = 16
MAX_RATE = 192_000
PART_SECONDS = 20
PART_NUMBERS = 1 << 22
_UNSAID = 0x7FFFF000  # from here on a length in a WAV header says that it was not known when the header was written


class SoundReader:
    """An open sound file. `samples`: of each channel."""

    def __init__(self, file: BinaryIO) -> None:
        """Errors: SignalError sound_unreadable, sound_truncated, sound_empty, sound_channels, sound_rate."""
        if not file.seek(0, io.SEEK_END):
            raise SignalError("there is no sound in this file", code="sound_empty")
        _check_whole(file)
        try:
            self._file = soundfile.SoundFile(file)
        except soundfile.LibsndfileError as error:
            raise SignalError("this is no sound file that can be read", code="sound_unreadable") from error
        self.rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        self.samples = int(self._file.frames)
        if not self.samples:
            raise SignalError("there is no sound in this file", code="sound_empty")
        if not 0 < self.rate <= MAX_RATE:
            raise SignalError("a sound file has at most 192000 samples a second", code="sound_rate")
        if self.channels > MAX_CHANNELS:
            raise SignalError("a sound file has 16 channels or fewer", code="sound_channels")

    def parts(self) -> Iterator[NDArray[np.float32]]:
        """(samples, channels) at full scale 1, of PART_SECONDS or PART_NUMBERS. Errors: SignalError sound_truncated."""
        read, size = 0, min(PART_SECONDS * self.rate, PART_NUMBERS // self.channels)
        while read < self.samples:
            try:
                part = self._file.read(size, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise SignalError("the sound breaks off", code="sound_truncated") from error
            if not len(part):
                raise SignalError("the sound is shorter than its header says", code="sound_truncated")
            read += len(part)
            yield np.nan_to_num(part, posinf=0.0, neginf=0.0)

    def mono(self, most_seconds: float) -> NDArray[np.float32]:
        """All of it, the channels as one. Errors: SignalError sound_truncated, sound_too_long."""
        if self.samples > most_seconds * self.rate:
            raise SignalError("the sound is longer than it may be", code="sound_too_long")
        return np.concatenate([part.mean(axis=1, dtype=np.float32) for part in self.parts()])


def _check_whole(file: BinaryIO) -> None:
    """Whether a WAV file (RIFF, Microsoft 1991) has the sound that its header tells of. Errors: sound_truncated,
    sound_unreadable."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(12)
    at = 12
    while head[:4] == b"RIFF" and head[8:] == b"WAVE":
        file.seek(at)
        chunk = file.read(8)
        if len(chunk) < 8:
            raise SignalError("a WAV file without sound", code="sound_truncated")
        name, length = struct.unpack("<4sI", chunk)
        if name == b"data":
            if length < _UNSAID and at + 8 + length > size:
                raise SignalError("the sound is shorter than its header says", code="sound_truncated")
            break
        at += 8 + length + length % 2
    file.seek(0)
