"""Whatever comes in whatever order: no sample is stored where the verdict is closed, and every one is in the account.

Seeded calls against one server, each with its own order of frames, losses, repetitions, breaks and events, early and
late. Held against the interaction's own timeline as it stands in the end, and as it stood after every event.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from media_client import (
    FRAME,
    RATE,
    Twilio,
    account,
    allowed,
    decoded,
    heard,
    new_token,
    opened,
    recordings,
    seal,
    sound,
    until,
)
from serving import Server, Talk

CALLS = 40
SECONDS = 9
TRACKS = {"inbound": "customer", "outbound": "agent"}
GIVEN = {wire: sound(SECONDS + 2, index) for index, wire in enumerate(TRACKS)}
EDGE = 0.02

Chance = np.random.Generator
Tell = Callable[["Play", float], None]


@pytest.fixture(scope="module")
def quick(launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """With a hold-back of a second, so that much is sealed and purged within short calls."""
    return launch(tmp_path_factory.mktemp("laws"), "--hold-back", "1")


def _opt_out(play: "Play", t: float) -> None:
    play.tell("opt_out", t, method="verbal", reason_code="asked")


def _opt_in(play: "Play", t: float) -> None:
    play.tell("opt_in", t, method="verbal")


def _segment(play: "Play", t: float) -> None:
    n = int(play.chance.integers(1000))
    play.tell("segment_start", t, segment="payment", n=n)
    play.tell("segment_end", t + play.chance.uniform(0.01, 2), segment="payment", n=n)


def _withdrawn(play: "Play", t: float) -> None:
    play.tell("consent_withdrawn", t, method="verbal")


def _declined(play: "Play", t: float) -> None:
    play.tell("consent", t, result="declined", method="keypad", prompt_version="p1")


def _agreed(play: "Play", t: float) -> None:
    play.tell("consent", t, result="accepted", method="keypad", prompt_version="p1")


def _transfer(play: "Play", t: float) -> None:
    play.tell("transfer", t, **{"from": "bot", "to": "agent", "carries_consent": bool(play.chance.integers(2))})


EVENTS: tuple[Tell, ...] = (_opt_out, _opt_out, _opt_in, _segment, _segment, _withdrawn, _declined, _agreed, _transfer)


@dataclass
class Play:
    """One call as it is being played. `shut`: where it was closed at any time that the test looked."""

    server: Server
    talk: Talk
    chance: Chance
    shut: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(SECONDS * RATE, np.bool_))
    sent: dict[str, set[int]] = field(default_factory=lambda: {wire: set() for wire in TRACKS})

    def tell(self, kind: str, t: float, **fields: object) -> None:
        self.talk.tell(kind, t, **fields)
        self.shut |= ~allowed(opened(self.talk), len(self.shut), EDGE)

    def frames(self) -> Iterator[int]:
        """Frame numbers in an order within half a second of the right one, some missing, some twice."""
        count = SECONDS * 50
        order = np.argsort(np.arange(count) + self.chance.uniform(0, self.chance.choice([0.1, 5, 25]), count))
        lost = self.chance.random(count) < self.chance.choice([0.0, 0.02])
        twice = self.chance.random(count) < self.chance.choice([0.0, 0.05])
        for frame in order:
            for _ in range(0 if lost[frame] else 2 if twice[frame] else 1):
                yield int(frame)

    def run(self) -> None:
        cuts = sorted(self.chance.integers(0, SECONDS * 50, 4))
        frames = list(self.frames())
        pieces = [frames[start:end] for start, end in zip([0, *cuts], [*cuts, len(frames)], strict=True)]
        stream = self._connect(self.talk.stream_token, 0.0)
        for piece in pieces:
            for frame in piece:
                for wire in TRACKS:
                    stream.play(GIVEN[wire], [frame], wire)
                    self.sent[wire].add(frame)
            self._event(stream, piece[-1] / 50 if piece else 0.0)
            if self.chance.random() < 0.25:
                stream = self._reconnect(stream)
        stream.stop()
        stream.__exit__(None, None, None)

    def _connect(self, token: str, offset: float) -> Twilio:
        return Twilio(self.server, token=token, offset=offset).start(*TRACKS)

    def _reconnect(self, stream: Twilio) -> Twilio:
        closed = len(self._closed())
        stream.taken()
        if self.chance.integers(2):
            stream.drop()
        else:
            stream.leave()
        stream.__exit__(None, None, None)
        until(lambda: len(self._closed()) > closed)
        return self._connect(new_token(self.talk), 0.0)

    def _closed(self) -> list[object]:
        return [event for event in self.talk.get("/timeline")["events"] if event["type"] == "stream_closed"]

    def _event(self, stream: Twilio, position: float) -> None:
        """Of now, of the future, or of the past up to the whole call; some before the server took the last frames."""
        if self.chance.integers(2):
            stream.taken()
        late = self.chance.choice([0.0, 0.5, 3.0, 20.0]) * self.chance.random()
        t = max(0.0, position - late + self.chance.choice([0.0, 0.0, 0.3]))
        tell = EVENTS[self.chance.integers(len(EVENTS))]
        tell(self, round(t, int(self.chance.integers(1, 6))))


def _begin(server: Server, talk: Talk, chance: Chance) -> Play:
    talk.tell("call_start", 0.0)
    talk.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
    play = Play(server, talk, chance)
    _agreed(play, round(chance.uniform(0, 2), 3))
    return play


def _end(play: Play) -> None:
    """Before the end of the call, after it or not at all: a last stop, for some instant of the call."""
    last = play.chance.integers(3)
    t = round(play.chance.uniform(0, SECONDS), 3)
    if last == 0:
        _opt_out(play, t)
    play.tell("call_end", float(SECONDS))
    if last == 1:
        _opt_out(play, t)
    seal(play.talk)


def _check(play: Play) -> int:
    """How many samples are stored, found to be where they may and should be."""
    talk = play.talk
    now_allowed = allowed(opened(talk), SECONDS * RATE)
    stored = 0
    for wire, track in TRACKS.items():
        counts = account(talk, track)
        assert counts["held"] == 0
        assert counts["lost"] == 0
        given = decoded(GIVEN[wire])[: SECONDS * RATE]
        found = heard(talk, track) if track in recordings(talk) else np.zeros(SECONDS * RATE, np.int16)
        kept = found != 0
        assert not (kept & ~now_allowed).any(), "a stored sample lies in a closed stretch"
        assert (found[kept] == given[kept]).all(), "a stored sample is not where it was said"
        assert counts["written"] >= kept.sum()
        sent = np.zeros(SECONDS * RATE, np.bool_)
        for frame in play.sent[wire]:
            sent[frame * FRAME : (frame + 1) * FRAME] = True
        assert not (kept & ~sent).any()
        missed = sent & ~play.shut & ~kept
        assert not missed.any(), f"{missed.sum()} samples are gone that were never closed, the first {missed.argmax()}"
        assert counts["written"] + counts["silenced_policy"] + counts["silenced_gap"] <= SECONDS * RATE
        stored += int(kept.sum())
    return stored


def test_no_stored_sample_lies_where_the_verdict_is_closed(quick: Server) -> None:
    stored = purged = 0
    with quick.client() as client:
        for seed in range(CALLS):
            chance = np.random.default_rng(seed)
            head = {"parties": [{"role": "customer", "jurisdiction": "IE"}], "policy": {}}
            made = client.post("/v1/interactions", json=head).json()
            play = _begin(quick, Talk(client, made["id"], made["stream_token"]), chance)
            play.run()
            if chance.integers(2):
                play.talk.tell("call_end", float(SECONDS))
            _end(play)
            stored += _check(play)
            purged += sum(account(play.talk, track)["purged"] for track in TRACKS.values())
    assert stored > CALLS * RATE, "much was stored"
    assert purged > CALLS * RATE / 2, "much was purged"
    assert quick.stop() == 0
