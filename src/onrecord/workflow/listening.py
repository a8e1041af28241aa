"""What one conversation keeps in memory to say whether a prompt was heard: the latest sound of its outbound tracks, and
the deliveries that were claimed and are not judged yet. Nothing of it is written."""

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field

from onrecord.interaction.events import Event
from onrecord.policy.call import STAFF
from onrecord.signal.alignment import Hearing
from onrecord.signal.band import FEWEST_HZ
from onrecord.signal.encoding import Encoding
from onrecord.signal.listener import Ring, Search
from onrecord.signal.reference import Reference
from onrecord.workflow.prompt_register import PromptRegister

MAX_CLAIMS = 32
LOOK_SECONDS = 1.0
_SAME_S = 0.5  # two searches of one hearing agree to less
BEYOND_S = 30.0
_ROOM = 480_000  # bytes that a track may hold where a long prompt needs no more


@dataclass(slots=True, eq=False)
class Claim:
    """That a prompt with sound was delivered: `seconds` is its length. `searches`: by track."""

    event: Event
    name: str
    seconds: float
    reference: Reference | None = None
    searches: dict[str, Search] = field(default_factory=dict)

    def off(self, hearing: Hearing) -> float:
        """How far the claimed instant is from the nearer end of a hearing, in seconds."""
        return min(abs(hearing.start - self.event.t), abs(hearing.end - self.event.t))


@dataclass(slots=True)
class Listening:
    """`taken`: by prompt, track and start of what was heard and counted for a claim. `look_at`: seconds of sound at
    which there is something to do. `ended`: no more sound is to come."""

    rings: dict[str, Ring] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    taken: defaultdict[str, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    look_at: float = math.inf
    ended: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def write(self, track: str, position: int, payload: bytes) -> None:
        """One frame of any track."""
        ring = self.rings.get(track)
        if ring is None:
            return
        ring.write(position, payload)
        if ring.end >= self.look_at * ring.rate:
            self.look_at = math.inf
            self.woken.set()

    def await_sound(self, until: float) -> None:
        """Woken once some track has come so far, in seconds."""
        self.look_at = until
        if any(ring.end >= until * ring.rate for ring in self.rings.values()):
            self.woken.set()

    def wake(self) -> None:
        self.woken.set()

    def forget(self) -> None:
        """Judges no claim any more."""
        self.claims.clear()
        self.woken.set()

    async def conclude(self) -> None:
        """Returns when every claim is judged by the sound that there is."""
        self.ended = True
        if self.task is not None and not self.task.done():
            self.woken.set()
            await asyncio.wait([self.task])

    def found(self, claim: Claim) -> list[tuple[str, Hearing]]:
        """By track, what was found for a claim, and neither counted for another one nor nearer to one that is open."""
        searched = ((track, hearing) for track, search in claim.searches.items() for hearing in search.found())
        return [pair for pair in searched if self.free(claim, *pair)]

    def free(self, claim: Claim, track: str, hearing: Hearing) -> bool:
        taken = any(track == where and abs(hearing.start - start) < _SAME_S for where, start in self.taken[claim.name])
        rivals = (other for other in self.claims if other.name == claim.name)
        return not taken and all(claim.off(hearing) <= rival.off(hearing) for rival in rivals)


def attach(
    listening: Listening | None, prompts: PromptRegister, track: str, encoding: Encoding, rate: int
) -> Listening | None:
    """A stream of that track begins, or comes again. None where there is nothing to listen for."""
    longest = max((entry.audio.seconds for entry in prompts.all() if entry.audio is not None), default=None)
    heard = longest is not None and is_outbound(track) and rate >= FEWEST_HZ
    if listening is None and not heard:
        return None
    made = Listening() if listening is None else listening
    made.ended = False
    if longest is not None and heard and track not in made.rings:
        seconds = max(longest + BEYOND_S, _ROOM / (rate * encoding.width))
        made.rings[track] = Ring(encoding, rate, round(seconds * rate))
    made.wake()
    return made


def is_outbound(track: str) -> bool:
    """Whether it carries what the caller hears."""
    return track.rstrip("0123456789_-# ") in STAFF
