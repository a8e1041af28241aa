"""A source that is told to pause and to resume: what counts as an answer, and what is put on record."""

import pytest

from onrecord.capture.source import DEADLINE_S, Answer, Source, Told, Wish

PAUSE, RESUME = Wish.PAUSE, Wish.RESUME


def test_a_pause_is_answered_once():
    source = Source(RESUME, 1, 0.0)
    assert source.answered
    assert source.due_in(100.0) is None
    source.tell(PAUSE, 2, 10.0)
    assert not source.answered
    assert source.due_in(11.0) == DEADLINE_S - 1
    assert source.said_paused(2, 10.25) == Told(PAUSE, Answer.PAUSED, 0.25)
    assert source.paused
    assert source.due_in(11.0) is None
    assert source.said_paused(2, 11.0) is None


def test_a_resume_tells_what_was_discarded():
    source = Source(PAUSE, 1, 0.0)
    assert source.said_paused(1, 0.1) == Told(PAUSE, Answer.PAUSED, 0.1)
    source.tell(RESUME, 2, 3.0)
    assert source.said_resumed(0, 24_000, 2, 3.5) == Told(RESUME, Answer.RESUMED, 0.5, 0, 24_000)
    assert source.answered
    assert not source.paused


@pytest.mark.parametrize("wish", [PAUSE, RESUME])
def test_silence_past_the_deadline_is_told_once(wish):
    source = Source(RESUME if wish is PAUSE else PAUSE, 1, 0.0)
    source.tell(wish, 2, 1.0)
    assert source.overdue(1.0 + DEADLINE_S - 0.01) is None
    assert source.overdue(1.0 + DEADLINE_S) == Told(wish, Answer.NONE, DEADLINE_S)
    source.tell(wish, 3, 1.0 + DEADLINE_S)
    assert source.overdue(1.0 + 2 * DEADLINE_S) is None
    if wish is PAUSE:
        assert source.said_paused(2, 12.0) == Told(PAUSE, Answer.PAUSED, 11.0), "the first order is answered, late"
    assert source.overdue(100.0) is None


def test_sound_before_the_answer_is_on_its_way_and_after_it_is_not():
    source = Source(RESUME, 1, 0.0)
    source.tell(PAUSE, 2, 1.0)
    assert source.media(1.1) is None
    source.said_paused(2, 1.2)
    assert source.media(1.5) == Told(PAUSE, Answer.MEDIA, 0.5)
    assert not source.answered
    assert source.media(1.6) is None, "one word for each time that it breaks its own"
    source.said_paused(2, 1.7)
    assert source.media(1.8) == Told(PAUSE, Answer.MEDIA, 0.8)


def test_an_answer_to_what_was_taken_back_is_none():
    source = Source(RESUME, 1, 0.0)
    source.tell(PAUSE, 2, 1.0)
    source.tell(RESUME, 3, 1.1)
    assert source.said_paused(2, 1.2) is None
    assert not source.answered
    assert source.said_resumed(8000, 0, 3, 1.3) == Told(RESUME, Answer.RESUMED, 0.2, 8000, 0)
    source.tell(PAUSE, 4, 2.0)
    source.tell(RESUME, 5, 2.1)
    source.tell(PAUSE, 6, 2.2)
    assert source.said_paused(4, 2.3) is None
    source.said_resumed(8000, 10, 5, 2.3)
    assert not source.answered
    assert source.said_paused(6, 2.4) == Told(PAUSE, Answer.PAUSED, 0.2)


def test_a_source_may_keep_a_pause_of_its_own():
    source = Source(RESUME, 1, 0.0)
    assert source.said_paused(1, 5.0) == Told(RESUME, Answer.PAUSED, 5.0)
    assert source.answered
    assert source.media(6.0) is None
    source.said_paused(1, 7.0)
    source.tell(PAUSE, 2, 8.0)
    assert source.said_paused(2, 8.1) == Told(PAUSE, Answer.PAUSED, 0.1)
    source.tell(RESUME, 3, 9.0)
    assert source.said_paused(3, 9.1) == Told(RESUME, Answer.PAUSED, 0.1)
    assert source.answered
    assert source.due_in(9.2) is None


def test_what_is_discarded_unasked_is_told():
    source = Source(RESUME, 1, 0.0)
    assert source.said_discarded(800, 1600, 2.0) == Told(RESUME, Answer.DISCARDED, 2.0, 800, 1600)
