"""Prompts are found through what lines do to them, and nothing is found that was not played. The calls are made here:
another voice, another text and another prompt for each seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import spoken
from spoken import MAN, OTHER, RATE, WOMAN, Sound, Voice, gained, quiet, say, text

from onrecord.signal.alignment import Hearing
from onrecord.signal.errors import SignalError
from onrecord.signal.locate import Locator, each_once, without_echo
from onrecord.signal.reference import Reference, reference

EDGE, SHARE = 0.1, 0.05
LEAD = 1.3
Change = Callable[[Sound], Sound]


@dataclass
class Case:
    """A prompt `a`, another one `b`, and somebody else who talks."""

    a: Sound
    b: Sound
    talk: Sound
    voice: Voice
    words: list[int]
    references: list[Reference]

    @property
    def seconds(self) -> float:
        return len(self.a) / RATE


@pytest.fixture(scope="module", params=[0, 1, 2])
def case(request: pytest.FixtureRequest) -> Case:
    seed = request.param
    voice, other = [(MAN, WOMAN), (WOMAN, OTHER), (OTHER, MAN)][seed]
    words = text(seed, 12)
    a, b = say(words, voice), say(text(seed + 100, 10), voice)
    talk = say(text(seed + 500, 20), other, take=1)
    return Case(a, b, talk, voice, words, [reference("a", a, RATE), reference("b", b, RATE)])


def located(sound: Sound, references: Sequence[Reference], rate: int = RATE, *, mixed: bool = False) -> list[Hearing]:
    """In parts, as it comes from a file."""
    locator = Locator(references, rate, mixed=mixed)
    found: list[Hearing] = []
    for at in range(0, len(sound), 3 * rate):
        found += locator.take(sound[at : at + 3 * rate])
    return each_once(found + locator.rest())


def check(found: Sequence[Hearing], *played: tuple[str, float, float, float]) -> None:
    """(prompt, start, end, fraction) of everything that was played, and nothing else."""
    assert [h.prompt for h in found] == [name for name, *_ in played]
    for hearing, (_, start, end, fraction) in zip(found, played, strict=True):
        assert abs(hearing.start - start) <= EDGE
        assert abs(hearing.end - end) <= EDGE
        assert abs(hearing.fraction - fraction) <= SHARE
        assert abs((hearing.ref_end - hearing.ref_start) - (hearing.end - hearing.start)) <= EDGE
        assert 0.5 < hearing.score <= 1.0


def in_call(case: Case, played: Sound) -> Sound:
    return np.concatenate([quiet(LEAD), played, quiet(0.6), 0.7 * case.talk, quiet(1.0)])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s, id="as it is"),
        pytest.param(lambda s: spoken.mulawed(gained(s, -30)), id="30 dB down"),
        pytest.param(lambda s: spoken.mulawed(np.clip(gained(s, 6), -1, 1)), id="6 dB up"),
        pytest.param(lambda s: spoken.mulawed(spoken.noisy(s, 20)), id="20 dB above noise"),
        pytest.param(lambda s: spoken.mulawed(spoken.noisy(s, 10)), id="10 dB above noise"),
        pytest.param(spoken.narrowed, id="narrow codec"),
        pytest.param(lambda s: spoken.narrowed(s, 300.0, 2500.0), id="narrower codec"),
        pytest.param(lambda s: spoken.lossy(s, 0.1), id="packets lost"),
        pytest.param(lambda s: spoken.jittered(s, 0.01), id="packets said twice or left out"),
        pytest.param(lambda s: spoken.drifted(s, 0.001), id="slow clock"),
        pytest.param(lambda s: spoken.drifted(s, -0.001), id="fast clock"),
        pytest.param(lambda s: -s, id="turned over"),
    ],
)
def test_found_through_what_lines_do(case: Case, change: Change) -> None:
    check(located(change(in_call(case, case.a)), case.references), ("a", LEAD, LEAD + case.seconds, 1.0))


@pytest.mark.parametrize("share", [0.2, 0.3, 0.55, 0.86])
@pytest.mark.parametrize("change", [lambda s: s, lambda s: spoken.mulawed(spoken.noisy(s, 20))], ids=["clean", "noisy"])
def test_a_prompt_that_was_cut(case: Case, share: float, change: Change) -> None:
    size = _loud(case.a, share)
    found = located(change(in_call(case, case.a[:size])), case.references)
    check(found, ("a", LEAD, LEAD + size / RATE, size / len(case.a)))


def _loud(sound: Sound, share: float) -> int:
    """A place where the voice speaks: in a pause nobody could tell where the cut was."""
    at = round(share * len(sound))
    return next(k for k in range(at, len(sound)) if np.abs(sound[k - 400 : k]).mean() > 0.2 * np.abs(sound).mean())


def test_a_stream_that_begins_in_the_middle_of_a_prompt(case: Case) -> None:
    size = _loud(case.a, 0.6)
    sound = np.concatenate([case.a[size:], quiet(1.0), case.talk])
    rest = (len(case.a) - size) / RATE
    check(located(sound, case.references), ("a", 0.0, rest, rest / case.seconds))


@pytest.mark.parametrize("left", [0.0, 0.3, 1.2])
def test_of_the_silence_at_its_end_no_more_is_heard_than_the_call_lasts(case: Case, left: float) -> None:
    sound = np.concatenate([case.a, quiet(2.0)])
    played = np.concatenate([quiet(LEAD), case.a, quiet(left)])
    found = located(played, [reference("a", sound, RATE)])
    check(found, ("a", LEAD, len(played) / RATE, (case.seconds + left) / (case.seconds + 2.0)))
    assert found[0].end <= len(played) / RATE


def test_of_the_silence_at_its_beginning_no_more_is_heard_than_there_is(case: Case) -> None:
    found = located(np.concatenate([case.a, quiet(1.0)]), [reference("a", np.concatenate([quiet(1.5), case.a]), RATE)])
    check(found, ("a", 0.0, case.seconds, case.seconds / (case.seconds + 1.5)))


def test_repeated_and_in_a_row(case: Case) -> None:
    sound = spoken.mulawed(np.concatenate([quiet(LEAD), case.a, case.a, case.b, quiet(0.1), case.a]))
    one, two = case.seconds, len(case.b) / RATE
    starts = [LEAD, LEAD + one, LEAD + 2 * one, LEAD + 2 * one + two + 0.1]
    check(
        located(sound, case.references),
        *((name, at, at + (two if name == "b" else one), 1.0) for name, at in zip("aaba", starts, strict=True)),
    )


def test_of_prompts_that_share_a_beginning_the_one_that_was_played(case: Case) -> None:
    begin = say(case.words[:6], case.voice)
    ends = [say(text(40 + n, 5), case.voice, take=n) for n in range(2)]
    both = [np.concatenate([begin, own]) for own in ends]
    references = [reference(str(n), sound, RATE) for n, sound in enumerate(both)]
    for n, sound in enumerate(both):
        played = spoken.mulawed(spoken.noisy(np.concatenate([quiet(LEAD), sound, quiet(1.0)]), 15, like=sound))
        check(located(played, references), (str(n), LEAD, LEAD + len(sound) / RATE, 1.0))


def test_the_same_voice_that_says_the_same_again_is_not_the_prompt(case: Case) -> None:
    again = say(case.words, case.voice, take=5)
    other = say([*case.words[:4], *text(60, 3), *case.words[5:9]], case.voice, take=3)
    assert located(np.concatenate([quiet(LEAD), again, quiet(1.0), other, case.talk]), case.references) == []


def test_recorded_words_in_another_sentence_are_not_the_prompt(case: Case) -> None:
    """A machine says each word the same way each time."""
    wanted = [reference("a", say(case.words, case.voice, fixed=True), RATE)]
    for words in (
        [*text(70, 2), *case.words[3:6], *text(71, 2), case.words[8], *case.words[:1]],
        [*case.words[:3], *text(72, 2), *case.words[5:8], *text(73, 2)],
    ):
        sound = np.concatenate([quiet(LEAD), say(words, case.voice, take=2, fixed=True), quiet(1.0), case.talk])
        assert located(sound, wanted) == []


@pytest.mark.parametrize("level", [-10, -3, 0])
def test_a_mono_call_in_which_the_caller_speaks_over_it(case: Case, level: int) -> None:
    sound = np.concatenate([quiet(LEAD), case.a, quiet(1.0)])
    over = np.concatenate([quiet(LEAD - 0.5), gained(case.talk, level), quiet(10.0)])[: len(sound)]
    (hearing,) = located(spoken.mulawed(sound + over), case.references, mixed=True)
    assert hearing.prompt == "a"
    assert abs(hearing.start - LEAD) < 0.35  # what is faint at an end is lost under the other voice
    assert abs(hearing.end - LEAD - case.seconds) < 0.35
    assert hearing.fraction > 0.9


def test_a_mono_call_in_which_the_caller_breaks_it_off(case: Case) -> None:
    """So loud that the edge is less sure."""
    size = _loud(case.a, 0.5)
    sound = np.concatenate([quiet(LEAD), case.a[:size], quiet(6.0)])
    at = round(LEAD * RATE) + size - round(0.7 * RATE)
    sound[at : at + 3 * RATE] += 0.9 * case.talk[: 3 * RATE]
    (hearing,) = located(spoken.mulawed(sound), case.references, mixed=True)
    assert abs(hearing.end - LEAD - size / RATE) < 0.2
    assert abs(hearing.fraction - size / len(case.a)) < SHARE


@pytest.mark.parametrize("rate", [11025, 16000, 24000, 44100])
def test_other_rates(case: Case, rate: int) -> None:
    sound = spoken.resampled(np.concatenate([quiet(LEAD), case.a, quiet(1.0)]), rate)
    check(located(sound, case.references, rate), ("a", LEAD, LEAD + case.seconds, 1.0))


def test_an_echo_in_the_other_channel_is_left_out(case: Case) -> None:
    sound = in_call(case, case.a)
    echo = np.concatenate([quiet(0.12), gained(sound, -22)])[: len(sound)]
    agent, customer = located(sound, case.references), located(echo, case.references)
    assert [h.prompt for h in customer] == ["a"]
    assert without_echo([customer, agent]) == [[], agent]
    louder = located(gained(sound, -6), case.references)
    assert without_echo([agent, louder]) == [agent, louder]


def test_tones_that_every_line_plays_are_no_prompt(case: Case) -> None:
    at = np.arange(3 * RATE) / RATE
    beep = 0.1 * np.sin(2 * np.pi * 1000 * at)
    dial = 0.1 * (np.sin(2 * np.pi * 350 * at) + np.sin(2 * np.pi * 440 * at))
    wanted = np.concatenate([case.a, beep[: RATE // 2]])
    references = [reference("a", wanted, RATE), reference("tone", beep, RATE)]
    assert located(np.concatenate([quiet(1.0), beep, quiet(1.0), dial]), references) == []
    found = located(np.concatenate([quiet(LEAD), wanted, quiet(1.0), beep]), references)
    check(found, ("a", LEAD, LEAD + len(wanted) / RATE, 1.0))


def test_silence_and_nothing_at_all(case: Case) -> None:
    for sound in (quiet(0.0), quiet(0.01), quiet(20.0), np.full(RATE * 5, 0.5)):
        assert located(sound, case.references) == []
    assert located(case.a, []) == []


def test_memory_does_not_grow_with_the_call(case: Case) -> None:
    locator = Locator(case.references, RATE)
    held = []
    for _ in range(12):
        locator.take(case.talk[: 5 * RATE])
        held.append(len(locator._heard))
    assert max(held[6:]) <= max(held[:6]) + 8 * 4000


@pytest.mark.parametrize(
    ("sound", "rate", "code"),
    [
        (quiet(3.0), RATE, "prompt_silent"),
        (np.full(3 * RATE, 0.3), RATE, "prompt_silent"),
        (np.full(3 * RATE, np.nan), RATE, "prompt_silent"),
        (np.ones(RATE // 2), RATE, "prompt_too_short"),
        (np.ones(RATE * 601), RATE, "prompt_too_long"),
        (np.ones(9000), 3000, "prompt_rate"),
    ],
)
def test_prompts_that_cannot_be_looked_for(sound: Sound, rate: int, code: str) -> None:
    with pytest.raises(SignalError) as refused:
        reference("p", sound, rate)
    assert refused.value.code == code
