"""What it costs to look for prompts: in a recorded call, and while a call goes on. CPU time of one thread.

The call and the prompts are made here: five minutes of two channels, in which each of three prompts is played once. The
baseline of `prompts-locate` is one plain cross-correlation, by one FFT, of each prompt with each channel, which tells
neither levels nor edges nor whether a prompt was played."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.measure import report, rounds
from onrecord.signal import mulaw
from onrecord.signal.encoding import Encoding
from onrecord.signal.listener import Ring, Search
from onrecord.signal.locate import Locator, each_once
from onrecord.signal.reference import Reference, reference

Sound = NDArray[np.float32]
_RATE = 8000
_CALL_S = 300
_PROMPT_S = 7.5
_PROMPTS = 3
_FRAME = 160
_PART = 20 * _RATE
_ROUNDS = 5
_SHARE_GOAL = 2.0  # per cent of real time, of both channels
_LIVE_GOAL = 10.0


def _babble(seed: int, seconds: float) -> Sound:
    """Harmonics of a wandering pitch under wandering envelopes, with pauses."""
    rng = np.random.default_rng(seed)
    at = np.arange(round(seconds * _RATE))
    knots = np.linspace(0, len(at), round(seconds * 8))
    turn = 2 * np.pi * np.cumsum(np.interp(at, knots, rng.normal(140, 15, len(knots)))) / _RATE
    made = np.zeros(len(at))
    for k in range(1, 20):
        made += np.interp(at, knots, rng.random(len(knots))) * np.sin(k * turn) / k**0.5
    pauses = np.interp(at, knots, (rng.random(len(knots)) > 0.25).astype(float))
    return (0.2 * made * pauses / np.abs(made).max()).astype(np.float32)


def _call(prompts: list[Sound]) -> tuple[Sound, Sound]:
    agent, customer = _babble(100, _CALL_S), _babble(101, _CALL_S)
    for number, prompt in enumerate(prompts):
        at = (10 + 80 * number) * _RATE
        agent[at : at + len(prompt)] = prompt
    return customer, agent


def _cpu(work: Callable[[], object]) -> float:
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


def _locate(references: list[Reference], channels: tuple[Sound, Sound]) -> None:
    found = []
    for channel in channels:
        locator = Locator(references, _RATE)
        parts = [locator.take(channel[at : at + _PART]) for at in range(0, len(channel), _PART)]
        found.append(each_once([h for part in [*parts, locator.rest()] for h in part]))
    assert [len(own) for own in found] == [0, _PROMPTS]


def _plain(prompts: list[Sound], channels: tuple[Sound, Sound]) -> None:
    for channel in channels:
        size = 1 << (len(channel) + len(prompts[0])).bit_length()
        spectrum = np.fft.rfft(channel, size)
        for prompt in prompts:
            np.abs(np.fft.irfft(spectrum * np.conj(np.fft.rfft(prompt, size)), size)).argmax()


def _located() -> None:
    prompts = [_babble(seed, _PROMPT_S) for seed in range(_PROMPTS)]
    references = [reference(str(n), sound, _RATE) for n, sound in enumerate(prompts)]
    channels = _call(prompts)
    cases = {
        "locate": lambda: 100 * _cpu(lambda: _locate(references, channels)) / _CALL_S,
        "plain": lambda: 100 * _cpu(lambda: _plain(prompts, channels)) / _CALL_S,
    }
    figures = rounds(cases, _ROUNDS)
    report("prompts-locate", "% of real time", figures["locate"], figures["plain"], goal_max=_SHARE_GOAL)


def _live() -> None:
    """Milliseconds for a second of one call: while a claim is not judged yet, and of the rest of the time."""
    prompt = _babble(0, _PROMPT_S)
    wanted = [reference("0", prompt, _RATE)]
    coded = mulaw.encode((_call([prompt])[1][: 40 * _RATE] * 32767).astype(np.int16))

    def search() -> None:
        searching = Search(wanted, Encoding.MULAW, _RATE, 0)
        for at in range(0, len(coded), _RATE):
            searching.take(coded[at : at + _RATE])
        searching.finish()
        assert len(searching.found()) == 1

    def hold() -> None:
        ring = Ring(Encoding.MULAW, _RATE, 40 * _RATE)
        for at in range(0, len(coded), _FRAME):
            ring.write(at, coded[at : at + _FRAME])

    seconds = len(coded) / _RATE
    cases = {"claimed": lambda: 1e3 * _cpu(search) / seconds, "held": lambda: 1e3 * _cpu(hold) / seconds}
    figures = rounds(cases, _ROUNDS)
    report("prompts-live-claimed", "ms CPU a call-second", figures["claimed"], goal_max=_LIVE_GOAL)
    report("prompts-live-held", "ms CPU a call-second", figures["held"], goal_max=0.1)


FIGURES = {"prompts-locate": _located, "prompts-live": _live}
