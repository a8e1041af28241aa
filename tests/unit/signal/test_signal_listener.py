"""Sound that comes while it is listened to: what is held of it, and a search in parts against one pass."""

import numpy as np
import spoken
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken import MAN, RATE, WOMAN, quiet, say, text

from onrecord.signal import mulaw
from onrecord.signal.encoding import Encoding
from onrecord.signal.listener import LAG_S, Ring, Search, samples_of
from onrecord.signal.locate import Locator
from onrecord.signal.reference import reference

SPEED = 100  # samples a second, of the rings here
MOST = 400
frames = st.lists(st.tuples(st.integers(-150, 150), st.integers(0, 60)), max_size=40)


def pcm(sound: spoken.Sound) -> bytes:
    return np.round(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


@settings(deadline=None, derandomize=True, max_examples=60)
@given(frames, st.sampled_from(Encoding), st.booleans())
def test_a_ring_holds_the_latest_sound_in_its_place(
    given_frames: list[tuple[int, int]], encoding: Encoding, keeps: bool
) -> None:
    ring = Ring(encoding, SPEED, MOST)
    ring.keep_from = 0 if keeps else None
    width = encoding.width
    truth: dict[int, int] = {}
    head: int | None = None
    for jump, size in given_frames:
        at = max(0, (head or 0) + jump)
        if size:
            values = [1 + (at + n + jump) % 100 for n in range(size)]
            ring.write(at, b"".join(v.to_bytes(width, "little") for v in values))
            first = ring.start if head is None else min(ring.start, head)
            for n, value in enumerate(values):
                if head is None or at + n >= first:
                    truth[at + n] = value
            head = max(head or 0, at + size)
    assert ring.end == (head or 0)
    assert ring.end - ring.start <= 2 * MOST + 60
    held = ring.part(0, ring.end + 10)
    assert len(held) == (ring.end - ring.start) * width
    came = 0
    for place in range(ring.start, ring.end):
        at = (place - ring.start) * width
        value = held[at : at + width]
        if place in truth:
            assert value == truth[place].to_bytes(width, "little")
            came += 1
        else:
            assert value == (b"\xff" if encoding is Encoding.MULAW else b"\0\0")
    assert ring.there(0, ring.end) <= came or not keeps


def test_what_is_awaited_is_held_longer() -> None:
    lazy, keen = Ring(Encoding.MULAW, SPEED, MOST), Ring(Encoding.MULAW, SPEED, MOST)
    keen.keep_from = 600
    for at in range(0, 1400, 20):
        lazy.write(at, b"\x01" * 20)
        keen.write(at, b"\x01" * 20)
    assert lazy.end == keen.end == 1400
    assert lazy.start == 840
    assert keen.start == 600
    assert keen.there(600, 1400) == 800


def test_a_jump_beyond_all_that_is_held_begins_anew() -> None:
    ring = Ring(Encoding.PCM16, SPEED, MOST)
    ring.write(0, b"\x01\x00" * 50)
    ring.write(10_000, b"\x02\x00" * 50)
    assert (ring.start, ring.end, ring.there(0, 20_000)) == (10_000, 10_050, 50)


def test_gaps_did_not_come() -> None:
    ring = Ring(Encoding.MULAW, SPEED, MOST)
    ring.write(0, b"\x01" * 50)
    ring.write(100, b"\x01" * 50)
    assert (ring.end, ring.there(0, 150), ring.there(60, 90)) == (150, 100, 0)
    ring.write(50, b"\x01" * 50)
    assert ring.there(0, 150) == 150


def test_in_parts_as_at_once() -> None:
    """In mu-law and in PCM, whatever the parts are."""
    prompt = say(text(1, 10))
    wanted = [reference("p", prompt, RATE)]
    call = np.concatenate([quiet(2.0), prompt, quiet(1.0), 0.7 * say(text(2, 12), WOMAN)])
    whole = Locator(wanted, RATE)
    (expected,) = whole.take(call) + whole.rest()
    coded = mulaw.encode(np.round(call * 32767).astype(np.int16))
    for encoding, sound in ((Encoding.MULAW, coded), (Encoding.PCM16, pcm(call))):
        search = Search(wanted, encoding, RATE, 40_000)
        known_at = None
        step = 3217 * encoding.width
        for at in range(0, len(sound), step):
            search.take(sound[at : at + step])
            if known_at is None and search.found():
                known_at = search.next / RATE
        search.finish()
        (found,) = search.found()
        assert abs(found.start - 5.0 - expected.start) < 0.01
        assert abs(found.end - 5.0 - expected.end) < 0.01
        assert found.fraction == expected.fraction == 1.0
        assert known_at is not None
        assert known_at < found.end + LAG_S + 0.5  # beside the length of a part


def test_samples_are_of_full_scale_one() -> None:
    assert samples_of(b"\x00\x80\xff\x7f\x01", Encoding.PCM16).tolist() == [-1.0, 32767 / 32768]
    assert samples_of(b"\xff\x80", Encoding.MULAW).tolist() == [0.0, 32124 / 32768]


def test_a_search_that_is_over_stays_so() -> None:
    wanted = [reference("p", say(text(1, 6), MAN), RATE)]
    search = Search(wanted, Encoding.PCM16, RATE, 0)
    search.finish()
    search.finish()
    assert search.found() == []
