"""What is wrong with packs that a reader of the format accepts, or with the file where it does not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, pairwise
from typing import Protocol

from onrecord.policy.clauses import Dated, Duty, Rule, Treatment
from onrecord.policy.derivation import in_order, merged
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.pack import Pack
from onrecord.policy.period import exceeds
from onrecord.policy.purposes import BASE, CONTENT, SEPARATE, VISUAL, Purpose
from onrecord.policy.sectors import meet
from onrecord.policy.situations import MEANING, Situation
from onrecord.policy.verdict import Verdict

_OPTED = (Situation.OPTED_OUT, Situation.OPTED_OUT_SCOPED)
# The conditions that hold for some kinds only.
_SOME = {
    Situation.EMOTION_PROHIBITED: frozenset({Kind.SENTIMENT}),
    Situation.TRAINING_MISSING: frozenset({Kind.TRAINING_DATA}),
    Situation.TRAINING_DECLINED: frozenset({Kind.TRAINING_DATA}),
    Situation.VIDEO_MISSING: VISUAL,
    Situation.HANDLING_RECORD: HANDLING_RECORDS,
}
_EVERY = frozenset(
    {Situation.NOT_ENABLED, Situation.ALWAYS, Situation.VENDOR_BARRED, Situation.OPTED_OUT, Situation.OPTED_OUT_SCOPED}
    | {Situation.SOURCE_STOPPED, Situation.CALL_ENDED, Situation.SEGMENT_OPEN}
)


class Sourced(Dated, Protocol):
    """What rests on a citation."""

    @property
    def id(self) -> str: ...

    @property
    def status(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """`clause`: the id of a rule, duty, treatment and so on, None where the pack as a whole is meant."""

    file: str
    pack: str | None
    clause: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Read:
    """A pack and the name of its file."""

    file: str
    pack: Pack

    def finding(self, clause: str | None, code: str, message: str) -> Finding:
        return Finding(self.file, self.pack.id, clause, code, message)

    def drafts(self) -> list[str]:
        """The clauses whose citation nobody has reviewed."""
        return [clause.id for clause in _sourced(self.pack) if clause.status == "draft"]


@dataclass(frozen=True, slots=True)
class Stated:
    """What a registered prompt says: `retention` is an ISO 8601 duration, None where it says nothing of it."""

    prompt_id: str
    purposes: frozenset[Purpose]
    retention: str | None


def lint(packs: Sequence[Read], prompts: Sequence[Stated] = ()) -> list[Finding]:
    """Every finding, by pack, then those of several packs together."""
    found: list[Finding] = []
    for read in packs:
        found += _outside(read)
        found += _contradictory(read)
        found += _unreachable(read)
        found += _too_long(read, prompts)
    return found + _overlapping(packs) + _circle(packs) + _forbidden_duties(packs)


def _last(clause: Dated) -> date:
    return clause.until or date.max


def _meet(one: Dated, other: Dated) -> bool:
    """Whether some day has both."""
    return max(one.effective, other.effective) < min(_last(one), _last(other))


def _covers(one: Dated, other: Dated) -> bool:
    return one.effective <= other.effective and _last(other) <= _last(one)


def _sourced(pack: Pack) -> Iterator[Sourced]:
    yield from pack.rules
    yield from pack.duties
    yield from pack.documentation
    yield from pack.disclosures
    yield from pack.rights


def _outside(read: Read) -> Iterator[Finding]:
    for clause in _sourced(read.pack):
        if not _meet(clause, read.pack):
            yield read.finding(clause.id, "unreachable", "it binds on no day on which its pack does")


def _contradictory(read: Read) -> Iterator[Finding]:
    for one, other in combinations(read.pack.rules, 2):
        if _same(one, other) and one.verdict != other.verdict:
            yield read.finding(other.id, "contradictory", f"`{one.id}` says otherwise of the same condition and kinds")


def _same(one: Rule, other: Rule) -> bool:
    return (one.when, one.kinds, one.segments) == (other.when, other.kinds, other.segments) and _meet(one, other)


def _unreachable(read: Read) -> Iterator[Finding]:
    for rule in read.pack.rules:
        kinds = frozenset(kind for kind in rule.kinds if _possible(rule.when, kind))
        if not kinds:
            yield read.finding(rule.id, "unreachable", "its condition never holds for its kinds")
        elif _lowest(rule) > _floor(rule.when):
            yield read.finding(rule.id, "unreachable", "what holds without any pack is always lower")
        elif rule.verdict is Verdict.CAPTURE and _floor(rule.when) is Verdict.CAPTURE and not _permits(rule):
            yield read.finding(rule.id, "unreachable", "it restricts nothing")
        else:
            lower = [other for other in read.pack.rules if _shadows(other, rule)]
            if lower and all(any(kind in other.kinds for other in lower) for kind in kinds):
                yield read.finding(rule.id, "unreachable", f"`{lower[0].id}` is always lower")


def _possible(when: Situation, kind: Kind) -> bool:
    return when in _EVERY or kind in _SOME.get(when, CONTENT)


def _permits(rule: Rule) -> bool:
    return rule.when in {Situation.IN_FORCE, Situation.HANDLING_RECORD}


def _floor(when: Situation) -> Verdict:
    """The highest that may hold under a condition, whatever was chosen and whatever the sources allow."""
    if when in _OPTED:
        return Verdict.EPHEMERAL
    return Verdict.REDACT if when is Situation.SOURCE_STOPPED else MEANING[when].floor


def _lowest(rule: Rule) -> Verdict:
    return Verdict.STOP if rule.verdict is None else rule.verdict


def _highest(rule: Rule) -> Verdict:
    return Verdict.EPHEMERAL if rule.verdict is None else rule.verdict


def _shadows(other: Rule, rule: Rule) -> bool:
    """Whether `other` holds wherever `rule` does, and is lower there. Those that contradict are told of as such."""
    if other.when is rule.when:
        wider = not _same(other, rule) and other.segments >= rule.segments
    else:
        wider = other.when is Situation.ALWAYS
    return wider and _covers(other, rule) and _highest(other) < _lowest(rule)


def _too_long(read: Read, prompts: Iterable[Stated]) -> Iterator[Finding]:
    """A period that only a tenant's choice brings about is not looked at: who chooses it states it."""
    for treatment in read.pack.treatments:
        if treatment.choice is not None:
            continue
        for prompt in prompts:
            asked = _asked(treatment) & prompt.purposes
            if asked and prompt.retention is not None and exceeds(treatment.period, prompt.retention):
                message = (
                    f"{treatment.period} is longer than {prompt.retention}, which prompt `{prompt.prompt_id}` states"
                )
                yield read.finding(treatment.id, "retention_too_long", message)


def _asked(treatment: Treatment) -> frozenset[Purpose]:
    return frozenset(p for kind in treatment.kinds if kind in BASE for p in SEPARATE.get(kind, (BASE[kind],)))


def _overlapping(packs: Sequence[Read]) -> list[Finding]:
    found: list[Finding] = []
    ordered = sorted(packs, key=lambda read: (read.pack.id, read.pack.effective))
    for one, other in pairwise(ordered):
        if one.pack.id == other.pack.id and _meet(one.pack, other.pack):
            found.append(
                other.finding(None, "overlapping", f"another version of it binds on the same days: {one.file}")
            )
    owners: dict[str, Read] = {}
    for read in packs:
        for name in read.pack.clause_ids():
            owner = owners.setdefault(name, read)
            if owner.pack.id != read.pack.id:
                found.append(read.finding(name, "id_repeated", f"pack `{owner.pack.id}` has a clause of this id"))
    return found


def _circle(packs: Sequence[Read]) -> list[Finding]:
    naming = [read for read in packs if read.pack.derived_from]
    if in_order(merged(read.pack.derived_from for read in naming)) is not None:
        return []
    return [naming[-1].finding(None, "cycle", "what these packs say is made of what goes in a circle")]


def _forbidden_duties(packs: Sequence[Read]) -> list[Finding]:
    found: list[Finding] = []
    for read in packs:
        for duty in read.pack.duties:
            for other in packs:
                found += [
                    read.finding(duty.id, "duty_forbidden", f"`{rule.id}` never allows what it asks for")
                    for rule in other.pack.rules
                    if _together(read.pack, other.pack) and _forbids(rule, duty)
                ]
    return found


def _forbids(rule: Rule, duty: Duty) -> bool:
    always = rule.when is Situation.ALWAYS and _highest(rule) < Verdict.CAPTURE
    return always and bool(rule.kinds & duty.kinds) and _meet(rule, duty)


def _together(one: Pack, other: Pack) -> bool:
    """Whether some call may come under both: a call between two places comes under the packs of each."""
    return _meet(one, other) and (not one.sectors or not other.sectors or meet(one.sectors, other.sectors))
