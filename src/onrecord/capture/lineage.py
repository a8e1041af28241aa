"""Where what is derived may not be kept: the one judge of admission, of purge and of `verify`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Protocol, TypeVar

from onrecord.base.stretch import Stretch, intersect, normalise, subtract
from onrecord.policy.kinds import HANDLING_RECORDS, Kind

GRAIN = 0.001
"""Seconds. What has no length is judged as this long: it covers the instant at which it is."""

WORDS = "words"
CONTENT = "content"
CODES = "codes"
"""The forms of what is derived: words can be cut, content cannot; codes are a handling record without free text."""

Verdicts = Callable[[str, float, float], Sequence[tuple[float, float]]]
"""The closed stretches of a kind that overlap [start, end), clipped or not, in any order."""


class Artifact(Protocol):
    """An artifact as its record tells of it. `start` and `end` in seconds, `stated` where they were given by whoever
    made it, else no more than what its sources span; `sources` are (artifact, start, end); `withheld` is what it is
    known not to hold; whatever is not `active` (quarantined, erased) holds nothing that may be used."""

    @property
    def kind(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def stated(self) -> bool: ...
    @property
    def sources(self) -> Sequence[tuple[str, float, float]]: ...
    @property
    def withheld(self) -> Sequence[tuple[float, float]]: ...
    @property
    def state(self) -> str: ...


Known = TypeVar("Known", bound=Artifact)


@dataclass(frozen=True, slots=True)
class Claim:
    """An artifact that is asked for."""

    kind: str
    form: str
    start: float
    end: float
    stated: bool
    sources: tuple[tuple[str, float, float], ...] = ()
    withheld: tuple[tuple[float, float], ...] = ()
    state: str = "active"


def extent(start: float, end: float) -> Stretch:
    return Stretch(start, end if start < end else start + GRAIN)


def origin(artifact: Artifact) -> list[Stretch]:
    """Where its text comes from: its sources' stretches, or else what it says that it is about."""
    named = [extent(start, end) for _, start, end in artifact.sources]
    return normalise(named or [extent(artifact.start, artifact.end)])


def reach(artifact: Artifact) -> list[Stretch]:
    """All that it may tell of."""
    own = [extent(artifact.start, artifact.end)] if artifact.stated else []
    return normalise([*own, *origin(artifact)])


def ancestors(artifact: Artifact, known: Mapping[str, Known]) -> dict[str, Known]:
    """Everything that it is made of, through any number of steps; a recording has none."""
    found: dict[str, Known] = {}
    waiting = [name for name, _, _ in artifact.sources]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found[name] = known[name]
            waiting += [source for source, _, _ in known[name].sources]
    return found


def closed(artifact: Artifact, known: Mapping[str, Artifact], verdicts: Verdicts) -> list[Stretch]:
    """Where, within its reach, nothing of it may be kept: wherever its own kind or that of any ancestor is closed, and
    wherever a source holds nothing, stretch by stretch through all ancestors. A handling record that names no source
    of its free text is judged as the sound and the words which that text may be about."""
    covered = reach(artifact)
    kinds = {artifact.kind}
    if artifact.kind in HANDLING_RECORDS and artifact.form != CODES and not artifact.sources:
        kinds |= {Kind.AUDIO_RECORDING, Kind.TRANSCRIPT}
    shut = [*_shut(kinds, covered, verdicts), *_withheld(artifact, known, verdicts, covered)]
    return intersect(normalise(shut), covered)


def silent(artifact: Artifact, known: Mapping[str, Artifact], verdicts: Verdicts) -> list[Stretch]:
    """Where, within its sources' stretches, they hold nothing, whatever its own kind is."""
    covered = origin(artifact)
    return intersect(normalise(_withheld(artifact, known, verdicts, covered)), covered) if artifact.sources else []


def _shut(kinds: Iterable[str], covered: Sequence[Stretch], verdicts: Verdicts) -> list[tuple[float, float]]:
    return [stretch for kind in sorted(kinds) for stretch in verdicts(kind, covered[0].start, covered[-1].end)]


def _withheld(
    artifact: Artifact, known: Mapping[str, Artifact], verdicts: Verdicts, covered: Sequence[Stretch]
) -> list[tuple[float, float]]:
    """What the ancestors may not hold, or do not."""
    made_of = ancestors(artifact, known)
    return [*_shut({each.kind for each in made_of.values()}, covered, verdicts), *_empty(artifact, made_of)]


def _empty(artifact: Artifact, made_of: Mapping[str, Artifact]) -> list[Stretch]:
    """Where the ancestors hold nothing. All of it where they are made of one another."""
    used: dict[str, list[Stretch]] = {name: [] for name in made_of}
    empty: list[Stretch] = []
    _use(artifact.sources, origin(artifact), used, empty)
    graph = {name: {source for source, _, _ in each.sources} for name, each in made_of.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:
        return reach(artifact)
    for name in reversed([name for name in order if name in made_of]):
        source, wanted = made_of[name], normalise(used[name])
        gone = wanted if source.state != "active" else intersect(normalise(source.withheld), wanted)
        empty += gone
        _use(source.sources, wanted, used, empty)
    return empty


def _use(
    sources: Iterable[tuple[str, float, float]],
    wanted: Sequence[Stretch],
    used: dict[str, list[Stretch]],
    empty: list[Stretch],
) -> None:
    """What of each source is wanted; what is wanted of one that nobody knows is empty."""
    for name, start, end in sources:
        used.get(name, empty).extend(intersect(wanted, [extent(start, end)]))


def may_stand(artifact: Artifact, shut: Sequence[Stretch], unheard: Sequence[Stretch]) -> bool:
    """Whether text that cannot be cut may be kept, `shut` being what is closed within its reach and `unheard` where its
    sources are silent: not where all that it is about or any one source is closed, nor where anything is closed that
    it may yet tell of, because no source covers it or because the source is heard there."""
    if not artifact.sources:
        return not shut
    named = [extent(start, end) for _, start, end in artifact.sources]
    if subtract(shut, unheard) or any(not subtract([each], shut) for each in named):
        return False
    return not artifact.stated or bool(subtract([extent(artifact.start, artifact.end)], shut))


def newly(artifact: Artifact, shut: Sequence[Stretch]) -> list[Stretch]:
    """What is closed and not yet withheld of it. Empty: what is stored may stay as it is."""
    return subtract(shut, normalise(artifact.withheld))
