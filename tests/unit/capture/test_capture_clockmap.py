import math

import pytest

from onrecord.capture.clockmap import ClockMap, closing, opening
from onrecord.capture.errors import CaptureError


def test_closing_rounds_down_and_opening_up():
    assert closing(1.00003, 8000) == 8000
    assert opening(1.00003, 8000) == 8001


def test_an_instant_on_a_frame_boundary_stays_on_it():
    for frame in range(0, 1_000_000, 777):
        seconds = frame * 20 / 1000
        assert closing(seconds, 8000) == opening(seconds, 8000) == frame * 160


def test_endless_and_unreadable_instants_fail_closed():
    assert closing(math.inf, 8000) == opening(math.inf, 8000) > 2**60
    assert closing(-math.inf, 8000) == opening(-math.inf, 8000) < -(2**60)
    assert closing(math.nan, 8000) < -(2**60)
    assert opening(math.nan, 8000) > 2**60


def test_a_later_epoch_lies_at_its_offset():
    clock = ClockMap(8000, offset_s=12.5, uncertainty_s=0.00013, epoch=1)
    assert clock.position(160) == 100_160
    assert clock.uncertainty == 2
    assert clock.seconds(100_160) == 12.52


@pytest.mark.parametrize(
    "clock",
    [
        {"rate": 0},
        {"rate": 8000, "offset_s": -1.0},
        {"rate": 8000, "offset_s": math.nan},
        {"rate": 8000, "offset_s": math.inf},
        {"rate": 8000, "uncertainty_s": -0.1},
        {"rate": 8000, "uncertainty_s": math.nan},
        {"rate": 8000, "epoch": -1},
    ],
)
def test_a_clock_out_of_range_is_refused(clock):
    with pytest.raises(CaptureError) as refused:
        ClockMap(**clock)
    assert refused.value.code == "bad_clock"
