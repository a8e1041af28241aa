"""Whatever a file holds, it is read as sound or refused; nothing else is raised, and no header makes memory grow."""

import io

import numpy as np
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from onrecord.signal.errors import SignalError
from onrecord.signal.soundread import MAX_CHANNELS, MAX_RATE, SoundReader

SOUND = np.random.default_rng(1).normal(0, 0.1, (2000, 2))


def encoded(kind: str, subtype: str) -> bytes:
    made = io.BytesIO()
    soundfile.write(made, SOUND, 8000, format=kind, subtype=subtype)
    return made.getvalue()


FILES = [encoded("WAV", "PCM_16"), encoded("WAV", "PCM_24"), encoded("WAV", "ULAW"), encoded("FLAC", "PCM_16")]


def read(data: bytes) -> int:
    """Samples, of each channel; -1 where it is refused."""
    try:
        sound = SoundReader(io.BytesIO(data))
        assert 0 < sound.rate <= MAX_RATE
        assert 0 < sound.channels <= MAX_CHANNELS
        samples = 0
        for part in sound.parts():
            assert part.shape[1] == sound.channels
            assert np.isfinite(part).all()
            samples += len(part)
    except SignalError:
        return -1
    return samples


def test_what_is_whole_is_read() -> None:
    assert [read(data) for data in FILES] == [len(SOUND)] * len(FILES)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6))
def test_whatever_the_header_says(data: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(data)
    for at, value in changes:
        changed[at] = value
    read(bytes(changed))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.sampled_from(FILES), st.integers(0, 9000))
def test_what_is_cut_off_is_refused(data: bytes, size: int) -> None:
    if size < len(data) - 1:
        assert read(data[:size]) == -1


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.binary(max_size=200), st.sampled_from([b"", b"RIFF\xff\xff\xff\xffWAVE", b"fLaC", b"OggS", b"FORM"]))
def test_whatever_comes(data: bytes, head: bytes) -> None:
    read(head + data)
