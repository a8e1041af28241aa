import pytest

from onrecord.base.stretch import Stretch
from onrecord.capture.clockmap import ClockMap
from onrecord.capture.errors import CaptureError, FrameError
from onrecord.capture.permission import Shut
from onrecord.capture.runs import Fate, Run
from onrecord.capture.segment import Gap, silenced
from onrecord.capture.track import TrackGate
from onrecord.signal.encoding import Encoding, is_silent

SECOND = 8000
FRAME = 160


class Closed:
    def __init__(self, *stretches):
        self.stretches = [Stretch(*stretch) for stretch in stretches]

    def closed(self, start, end):
        return [s for s in self.stretches if s.start < end and start < s.end]


def sound(position, samples):
    return bytes((at // 7) % 0x70 for at in range(position, position + samples))


def gate_of(permission=None, hold_back=1.0, clock=None):
    return TrackGate(Encoding.MULAW, clock or ClockMap(SECOND), permission or Closed(), hold_back)


def play(gate, start, end, frame=FRAME):
    """Frames over [start, end) samples; the segments handed over."""
    segments = []
    for position in range(start, end, frame):
        segments += gate.offer(position, sound(position, min(frame, end - position)))
    return segments


def counts(gate):
    assert gate.accounting.balanced
    return {name: count for name, count in gate.accounting.snapshot().items() if count}


def test_frames_wait_for_the_hold_back_then_for_a_full_segment():
    gate = gate_of(hold_back=5.0)
    assert play(gate, 0, 9 * SECOND - FRAME) == []
    (segment,) = play(gate, 9 * SECOND - FRAME, 9 * SECOND)
    assert (segment.start, segment.samples, segment.gaps) == (0, 4 * SECOND, ())
    assert segment.payload == sound(0, 4 * SECOND)
    assert counts(gate) == {"received": 9 * SECOND, "held": 9 * SECOND}
    gate.sealed(segment)
    assert counts(gate) == {"received": 9 * SECOND, "held": 5 * SECOND, "written": 4 * SECOND}


def test_flush_hands_over_the_rest():
    gate = gate_of()
    play(gate, 0, SECOND + 77)
    (segment,) = gate.flush()
    assert segment.payload == sound(0, SECOND + 77)
    assert gate.flush() == ()


def test_flush_up_to_a_position_leaves_the_rest_held():
    gate = gate_of(hold_back=5.0)
    play(gate, 0, 2 * SECOND)
    (segment,) = gate.flush(until=SECOND + 1)
    assert segment.end == SECOND
    (rest,) = gate.flush()
    assert (rest.start, rest.end) == (SECOND, 2 * SECOND)


def test_a_frame_that_touches_a_closed_stretch_goes_whole_and_no_other():
    gate = gate_of(Closed((0.05, 0.09)))
    play(gate, 0, SECOND)
    (segment,) = gate.flush()
    assert segment.gaps == (Gap(2 * FRAME, 5 * FRAME, Fate.POLICY),)
    assert is_silent(segment.payload[2 * FRAME : 5 * FRAME], Encoding.MULAW)
    assert segment.payload[: 2 * FRAME] == sound(0, 2 * FRAME)
    assert segment.payload[5 * FRAME :] == sound(5 * FRAME, SECOND - 5 * FRAME)
    assert counts(gate) == {"received": SECOND, "silenced_policy": 3 * FRAME, "held": SECOND - 3 * FRAME}


def test_a_long_wire_frame_loses_at_most_20_ms_at_an_edge():
    gate = gate_of(Closed((0.05, 0.09)))
    play(gate, 0, SECOND, frame=800)
    (segment,) = gate.flush()
    assert segment.gaps == (Gap(2 * FRAME, 5 * FRAME, Fate.POLICY),)


def test_always_shut_hands_over_nothing_and_says_so():
    gate = gate_of(Shut())
    assert play(gate, 0, 20 * SECOND) == []
    assert gate.flush() == ()
    assert gate.peek_runs() == (Run(0, 20 * SECOND, Fate.POLICY),)
    assert counts(gate) == {"received": 20 * SECOND, "silenced_policy": 20 * SECOND}


def test_a_segment_begins_and_ends_with_what_passed():
    gate = gate_of(Closed((0.0, 1.0), (2.0, 3.0)))
    play(gate, 0, 3 * SECOND)
    (segment,) = gate.flush()
    assert (segment.start, segment.end, segment.gaps) == (SECOND, 2 * SECOND, ())
    assert gate.peek_runs(3 * SECOND) == (
        Run(0, SECOND, Fate.POLICY),
        Run(SECOND, 2 * SECOND, Fate.PASSED),
        Run(2 * SECOND, 3 * SECOND, Fate.POLICY),
    )


def test_a_closing_silences_the_open_segment_at_once():
    gate = gate_of(hold_back=1.0)
    play(gate, 0, 3 * SECOND)
    gate.permission = Closed((0.5, 100.0))
    assert counts(gate)["silenced_policy"] == 3 * SECOND // 2
    (segment,) = gate.flush()
    assert segment.payload == sound(0, SECOND // 2)
    assert counts(gate)["silenced_policy"] == 5 * SECOND // 2


def test_an_opening_while_the_stretch_is_held_stores_it():
    gate = gate_of(Shut(), hold_back=5.0)
    play(gate, 0, 3 * SECOND)
    gate.permission = Closed()
    (segment,) = gate.flush()
    assert segment.payload == sound(0, 3 * SECOND)


def test_an_opening_after_release_brings_nothing_back():
    gate = gate_of(Shut(), hold_back=1.0)
    play(gate, 0, 3 * SECOND)
    gate.permission = Closed()
    (segment,) = gate.flush()
    assert (segment.start, segment.end) == (2 * SECOND, 3 * SECOND)


def test_a_closing_between_hand_over_and_seal_is_obeyed():
    gate = gate_of()
    play(gate, 0, 2 * SECOND)
    (segment,) = gate.flush()
    payload = segment.payload
    gate.permission = Closed((0.5, 1.0))
    rest = gate.rejudge(segment)
    assert rest.gaps == (Gap(SECOND // 2, SECOND, Fate.POLICY),)
    assert is_silent(payload[SECOND // 2 : SECOND], Encoding.MULAW)
    assert gate.peek_runs(SECOND)[1] == Run(SECOND // 2, SECOND, Fate.POLICY)
    with pytest.raises(CaptureError):
        gate.sealed(segment)
    gate.permission = Shut()
    assert gate.rejudge(rest) is None
    assert is_silent(payload, Encoding.MULAW)
    assert counts(gate) == {"received": 2 * SECOND, "silenced_policy": 2 * SECOND}


def test_rejudging_what_stays_open_gives_the_segment_itself():
    gate = gate_of()
    play(gate, 0, SECOND)
    (segment,) = gate.flush()
    assert gate.rejudge(segment) is segment


def test_a_stored_segment_is_silenced_by_the_same_rule():
    gate = gate_of()
    play(gate, 0, SECOND)
    (segment,) = gate.flush()
    gate.sealed(segment)
    purged = silenced(segment, Closed((0.05, 0.09)))
    assert purged.gaps == (Gap(2 * FRAME, 5 * FRAME, Fate.POLICY),)
    gate.purged(segment.passed - purged.passed)
    assert counts(gate) == {
        "received": SECOND,
        "written": SECOND - 3 * FRAME,
        "silenced_policy": 3 * FRAME,
        "purged": 3 * FRAME,
    }
    with pytest.raises(CaptureError) as refused:
        gate.purged(SECOND)
    assert refused.value.code == "bad_accounting"


def test_uncertainty_widens_what_is_withheld():
    gate = gate_of(Closed((0.5, 0.6)), clock=ClockMap(SECOND, uncertainty_s=0.03))
    play(gate, 0, SECOND)
    (segment,) = gate.flush()
    assert segment.gaps == (Gap(23 * FRAME, 32 * FRAME, Fate.POLICY),)


def test_a_hole_is_silence_and_counted_missing():
    gate = gate_of()
    play(gate, 0, SECOND)
    play(gate, SECOND + 480, 2 * SECOND)
    (segment,) = gate.flush()
    assert segment.gaps == (Gap(SECOND, SECOND + 480, Fate.GAP),)
    assert is_silent(segment.payload[SECOND : SECOND + 480], Encoding.MULAW)
    assert counts(gate)["missing"] == counts(gate)["silenced_gap"] == 480


def test_a_stream_that_begins_late_misses_its_beginning():
    gate = gate_of(clock=ClockMap(SECOND, offset_s=1.0))
    play(gate, SECOND + 320, 2 * SECOND)
    (segment,) = gate.flush()
    assert segment.start == SECOND + 320
    assert gate.peek_runs(SECOND + 640)[0] == Run(SECOND, SECOND + 320, Fate.GAP)
    assert counts(gate)["missing"] == 320


def test_reordered_within_the_hold_back_is_as_if_in_order():
    gate = gate_of()
    for position in (0, 480, 160, 640, 320):
        gate.offer(position, sound(position, FRAME))
    (segment,) = gate.flush()
    assert segment.payload == sound(0, 800)
    assert "missing" not in counts(gate)


def test_duplicates_and_overlaps_are_counted_by_sample():
    gate = gate_of()
    gate.offer(0, sound(0, FRAME))
    gate.offer(0, bytes(FRAME))
    gate.offer(100, sound(100, FRAME))
    (segment,) = gate.flush()
    assert segment.payload == sound(0, 260)
    assert counts(gate) == {"received": 480, "duplicate": 220, "held": 260}


def test_a_late_frame_fills_its_hole_while_the_segment_is_open():
    gate = gate_of(Closed((0.30, 0.31)))
    play(gate, 0, 1600)
    play(gate, 2560, 2 * SECOND)
    assert counts(gate)["missing"] == 960
    gate.offer(1600, sound(1600, 960))
    assert "missing" not in counts(gate)
    assert counts(gate)["silenced_policy"] == FRAME
    (segment,) = gate.flush()
    assert segment.gaps == (Gap(2400, 2560, Fate.POLICY),)
    assert segment.payload[:2400] == sound(0, 2400)


def test_what_fills_a_hole_brings_its_own_uncertainty():
    gate = gate_of()
    play(gate, 0, 1600)
    play(gate, 1760, 2 * SECOND)
    gate.begin(ClockMap(SECOND, 0.0, 0.04, 1))
    gate.offer(1600, sound(1600, FRAME))
    gate.permission = Closed((0.25, 0.26))
    (segment,) = gate.flush()
    assert segment.uncertainty == 320
    assert segment.gaps == (Gap(1600, 2400, Fate.POLICY),)


def test_after_its_segment_was_handed_over_a_frame_is_late():
    gate = gate_of()
    play(gate, 0, SECOND)
    gate.flush()
    assert gate.offer(0, sound(0, FRAME)) == ()
    assert counts(gate)["late"] == FRAME
    gate.offer(SECOND - 60, sound(SECOND - 60, FRAME))
    assert counts(gate)["late"] == FRAME + 60


def test_a_place_once_silenced_stays_silent():
    gate = gate_of(Shut())
    play(gate, 0, 2 * SECOND)
    gate.permission = Closed()
    gate.offer(0, sound(0, FRAME))
    assert counts(gate)["late"] == FRAME
    (segment,) = gate.flush()
    assert segment.start == SECOND


def test_what_has_no_place_is_refused_counted_and_disturbs_nothing():
    gate = gate_of(clock=ClockMap(SECOND, offset_s=2.0))
    play(gate, 2 * SECOND, 3 * SECOND)
    for position, code in ((SECOND, "position_negative"), (-5, "position_negative"), (2**63, "position_far_ahead")):
        with pytest.raises(FrameError) as refused:
            gate.offer(position, sound(0, FRAME))
        assert refused.value.code == code
    (segment,) = gate.flush()
    assert segment.payload == sound(2 * SECOND, SECOND)
    assert counts(gate)["invalid"] == 3 * FRAME


def test_an_hour_ahead_is_the_farthest():
    gate = gate_of()
    play(gate, 0, SECOND)
    gate.offer(3601 * SECOND, sound(0, FRAME))
    with pytest.raises(FrameError):
        gate.offer(3601 * SECOND + 1, sound(0, FRAME))


def test_half_a_sample_is_refused():
    gate = TrackGate(Encoding.PCM16, ClockMap(SECOND), Closed())
    with pytest.raises(FrameError) as refused:
        gate.offer(0, bytes(321))
    assert refused.value.code == "odd_bytes"
    assert counts(gate) == {"received": 161, "invalid": 161}


def test_an_empty_frame_is_nothing():
    gate = gate_of()
    assert gate.offer(0, b"") == ()
    assert counts(gate) == {}


def test_one_wild_timestamp_does_not_empty_the_hold_back():
    gate = gate_of(hold_back=5.0)
    play(gate, 0, 2 * SECOND)
    assert gate.offer(100 * SECOND, sound(0, FRAME)) == ()
    play(gate, 2 * SECOND, 4 * SECOND)
    assert counts(gate) == {"received": 4 * SECOND + FRAME, "invalid": FRAME, "held": 4 * SECOND}
    gate.permission = Shut(0.5)
    (segment,) = gate.flush()
    assert segment.payload == sound(0, SECOND // 2)


def test_a_stream_that_really_jumped_is_followed():
    gate = gate_of(hold_back=5.0)
    play(gate, 0, SECOND)
    segments = play(gate, 100 * SECOND, 101 * SECOND)
    segments += gate.flush()
    assert [(s.start, s.end) for s in segments] == [(0, SECOND), (100 * SECOND, 101 * SECOND)]
    assert counts(gate)["missing"] == 99 * SECOND


def test_a_last_frame_far_ahead_is_kept_by_a_flush():
    gate = gate_of(hold_back=1.0)
    play(gate, 0, SECOND)
    gate.offer(10 * SECOND, sound(10 * SECOND, FRAME))
    assert [(s.start, s.end) for s in gate.flush()] == [(0, SECOND), (10 * SECOND, 10 * SECOND + FRAME)]


def test_between_epochs_lies_a_disconnection():
    gate = gate_of(hold_back=1.0)
    play(gate, 0, SECOND)
    gate.begin(ClockMap(SECOND, offset_s=2.0, uncertainty_s=0.5, epoch=1))
    play(gate, 2 * SECOND, 3 * SECOND)
    first, second = gate.flush()
    assert (first.epoch, first.uncertainty, second.epoch, second.uncertainty) == (0, 0, 1, 4000)
    assert gate.peek_runs(3 * SECOND) == (
        Run(0, SECOND, Fate.PASSED),
        Run(SECOND, 2 * SECOND, Fate.DISCONNECTED),
        Run(2 * SECOND, 3 * SECOND, Fate.PASSED),
    )
    with pytest.raises(CaptureError) as refused:
        gate.begin(ClockMap(16000))
    assert refused.value.code == "bad_clock"


def test_a_crash_loses_what_was_held_and_says_so():
    gate = gate_of(hold_back=1.0)
    (segment,) = play(gate, 0, 5 * SECOND)
    snapshot = gate.snapshot(segment)
    assert snapshot["written"] == 4 * SECOND
    assert counts(gate)["held"] == 5 * SECOND
    again = TrackGate.restore_after_crash(
        Encoding.MULAW, ClockMap(SECOND, 8.0, 0.0, 1), Closed(), 1.0, snapshot=snapshot, durable_end=4 * SECOND
    )
    assert counts(again) == {"received": 5 * SECOND, "written": 4 * SECOND, "lost": SECOND}
    assert again.offer(8 * SECOND, sound(0, FRAME)) == ()
    again.flush()
    assert again.peek_runs(10 * SECOND) == (
        Run(4 * SECOND, 5 * SECOND, Fate.LOST),
        Run(5 * SECOND, 8 * SECOND, Fate.DISCONNECTED),
        Run(8 * SECOND, 8 * SECOND + FRAME, Fate.PASSED),
    )


@pytest.mark.parametrize("damage", [{"held": -1}, {"received": 7}, {"lost": None}])
def test_counts_that_do_not_add_up_are_refused(damage):
    snapshot = {**gate_of().snapshot(), **damage}
    with pytest.raises(CaptureError) as refused:
        TrackGate.restore_after_crash(Encoding.MULAW, ClockMap(SECOND), Closed(), snapshot=snapshot, durable_end=0)
    assert refused.value.code == "bad_accounting"


def test_a_segment_that_cannot_be_stored_is_lost():
    gate = gate_of()
    play(gate, 0, SECOND)
    (segment,) = gate.flush()
    gate.discarded(segment)
    assert counts(gate) == {"received": SECOND, "lost": SECOND}
    assert gate.peek_runs() == (Run(0, SECOND, Fate.LOST),)
    with pytest.raises(CaptureError) as refused:
        gate.sealed(segment)
    assert refused.value.code == "segment_unknown"


def test_runs_stay_until_they_are_on_record():
    gate = gate_of(Closed((0.5, 0.6)))
    play(gate, 0, SECOND)
    (segment,) = gate.flush()
    first = (Run(0, 4000, Fate.PASSED), Run(4000, 4400, Fate.POLICY))
    assert gate.peek_runs(4400) == gate.peek_runs(4400) == first
    gate.taken(4400)
    rest = (Run(4400, 4800, Fate.POLICY), Run(4800, SECOND, Fate.PASSED))
    assert gate.peek_runs(SECOND) == rest
    gate.sealed(segment)
    assert gate.peek_runs() == rest
    gate.taken(10**6)
    assert gate.peek_runs() == ()


def test_a_segment_that_is_lost_after_its_runs_were_told_is_lost_in_them():
    gate = gate_of()
    play(gate, 0, SECOND)
    (segment,) = gate.flush()
    assert gate.peek_runs(segment.end) == (Run(0, SECOND, Fate.PASSED),)
    gate.discarded(segment)
    assert gate.peek_runs() == (Run(0, SECOND, Fate.LOST),)


def test_runs_of_what_is_not_sealed_yet_are_not_settled():
    gate = gate_of(Closed((0.0, 1.0)))
    play(gate, 0, 3 * SECOND)
    (segment,) = gate.flush()
    assert gate.peek_runs() == (Run(0, SECOND, Fate.POLICY),)
    gate.sealed(segment)
    assert gate.peek_runs()[-1].end == 3 * SECOND


@pytest.mark.parametrize("hold_back", [-1.0, float("nan"), float("inf")])
def test_a_hold_back_out_of_range_is_refused(hold_back):
    with pytest.raises(CaptureError) as refused:
        gate_of(hold_back=hold_back)
    assert refused.value.code == "bad_hold_back"


def test_what_is_withheld_is_overwritten_where_it_stood():
    gate = gate_of(Shut())
    gate.offer(0, sound(0, FRAME))
    buffer = gate._held._sound
    assert any(buffer)
    gate.flush()
    assert not any(buffer)


def test_nothing_held_keeps_no_buffer_until_more_comes():
    gate = gate_of()
    assert not gate._held.made
    play(gate, 0, 2 * SECOND)
    gate.flush(SECOND)
    assert gate._held.made, "a second of it is still held"
    gate.flush()
    assert not gate._held.made
    gate.begin(ClockMap(SECOND, 2.0, 20.0))
    assert not gate._held.made
    play(gate, 2 * SECOND, 3 * SECOND)
    (segment,) = gate.flush()
    assert segment.payload == sound(2 * SECOND, SECOND)


def test_what_is_held_is_overwritten_where_it_stood_when_a_less_certain_clock_needs_more_room():
    gate = gate_of()
    play(gate, 0, SECOND)
    before = gate._held._sound
    gate.begin(ClockMap(SECOND, 1.0, 20.0))
    assert gate._held._sound is not before
    assert not any(before)
    (segment,) = gate.flush()
    assert segment.payload == sound(0, SECOND)


def test_a_verdict_is_that_of_the_moment_at_which_the_hold_back_ended():
    gate = gate_of(Shut())
    play(gate, 0, 2 * SECOND)
    gate.permission = Closed()
    (segment,) = gate.flush()
    assert (segment.start, segment.end) == (SECOND, 2 * SECOND)
    assert counts(gate)["silenced_policy"] == SECOND


def test_the_account_shows_what_was_decided_though_no_segment_is_full():
    gate = gate_of(Shut())
    play(gate, 0, 2 * SECOND)
    assert counts(gate) == {"received": 2 * SECOND, "silenced_policy": SECOND, "held": SECOND}


def test_a_frame_longer_than_all_that_may_be_held_goes_through_whole():
    gate = gate_of()
    segments = [*gate.offer(0, sound(0, 33 * SECOND + 5)), *gate.flush()]
    assert b"".join(segment.payload for segment in segments) == sound(0, 33 * SECOND + 5)
    assert counts(gate) == {"received": 33 * SECOND + 5, "held": 33 * SECOND + 5}


def test_what_comes_late_into_a_hole_too_wide_to_hold_is_decided_at_once():
    gate = gate_of()
    gate.offer(0, sound(0, FRAME))
    far = 100 * SECOND
    play(gate, far, far + 3 * FRAME)
    segments = [*gate.offer(2 * SECOND, sound(2 * SECOND, FRAME)), *gate.flush()]
    assert [(s.start, s.end) for s in segments] == [(0, 2 * SECOND + FRAME), (far, far + 3 * FRAME)]
    assert segments[0].payload[-FRAME:] == sound(2 * SECOND, FRAME)
