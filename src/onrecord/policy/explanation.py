"""Why one kind has the verdict that it has at an instant: rules with their sources, conditions and since which event,
what would end them, and what else of the packs holds there."""

from collections.abc import Mapping
from typing import Any

from onrecord.policy.book import Ground
from onrecord.policy.call import Member
from onrecord.policy.clauses import BY_OPTION, Disclosure, Documentation, Duty, Right, Rule
from onrecord.policy.fold import Step
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.lifting import Remedy, lifting
from onrecord.policy.options import GRADES
from onrecord.policy.pack import Pack
from onrecord.policy.purposes import INDEX, Purpose
from onrecord.policy.situations import BY_WORD, LIFECYCLE, MEANING, RESTING, Situation
from onrecord.policy.standing import RECORDED, consent_state
from onrecord.policy.verdict import Verdict

DRAFT = "draft"
Sourced = Rule | Duty | Documentation | Disclosure | Right


def explanation(timeline: Timeline, kind: Kind, t: float) -> dict[str, Any]:
    """As JSON, in the words of the contract. It names events by their ids and parties by the names that events use."""
    folded = timeline.trace.folded
    step = folded.steps[folded.position(t)]
    made = timeline.decision(kind, t)
    rules = {rule.id: _rule(rule, pack) for pack in step.book.packs for rule in pack.rules}
    past = _Past(timeline, kind, t)
    conditions = [_condition(timeline, step, kind, ground, past, rules) for ground in _grounds(step, kind)]
    told = [rule["status"] for condition in conditions for rule in condition["rules"]]
    return {
        "kind": kind.value,
        "t": t,
        "verdict": made.verdict.word,
        "state": made.state.value,
        "reason": made.reason,
        "since": made.since,
        "cause": made.cause,
        "can_end": made.can_end,
        "draft": DRAFT in told,
        "rules": [rules.get(name) or _floor(name) for name in made.rules],
        "conditions": conditions,
        "sources": _sources(timeline, step, kind, t),
        "directives": [d._asdict() for d in timeline.directives(t)],
        "purpose": made.purpose,
        "legal_basis": made.legal_basis,
        "retention": made.retention,
        "retention_note": step.book.treatment(kind).note,
        "notice_grade": GRADES[step.book.grade],
        "parties": [_party(timeline, step, member) for member in step.call.members],
        "disputed": _disputed(timeline, step),
        **_clauses(step, kind),
        "packs": [_pack(pack) for pack in step.book.packs],
    }


def _sources(timeline: Timeline, step: Step, kind: Kind, t: float) -> list[dict[str, Any]]:
    """What the kind is made of, and what holds of that."""
    made = [timeline.decision(source, t) for sources in _made_of(step, kind) for source in sources]
    return [{"kind": m.kind.value, "verdict": m.verdict.word, "state": m.state.value, "reason": m.reason} for m in made]


def _grounds(step: Step, kind: Kind) -> list[Ground]:
    """What restricts; where nothing does, what permits."""
    index = INDEX[kind]
    segments = frozenset(segment.type for segment in step.call.segments)
    every = list(step.book.grounds(kind, step.survey.bits[index], segments, step.survey.sources[index]))
    restricting = [ground for ground in every if ground.verdict < Verdict.CAPTURE]
    return restricting or [ground for ground in every if ground.situation in RESTING]


class _Past:
    """Since when a condition has held without a break, of one kind up to an instant."""

    def __init__(self, timeline: Timeline, kind: Kind, t: float) -> None:
        folded = timeline.trace.folded
        self._steps = folded.steps.part(0, folded.position(t) + 1)
        self._kind = kind
        self._known: dict[tuple[Any, ...], frozenset[Situation]] = {}

    def since(self, situation: Situation) -> tuple[float, dict[str, Any] | None]:
        """(seconds, the event that brought it about); from the beginning: no event."""
        place = len(self._steps) - 1
        while place > 0 and situation in self._holding(self._steps[place - 1]):
            place -= 1
        effect = self._steps[place].effect
        if effect is None:
            return 0.0, None
        fact = effect.fact
        return self._steps[place].at, {"event_id": fact.event_id, "type": fact.type, "t": fact.t}

    def _holding(self, step: Step) -> frozenset[Situation]:
        key = (step.book, step.survey)
        if key not in self._known:
            self._known[key] = frozenset(ground.situation for ground in _grounds(step, self._kind))
        return self._known[key]


def _condition(
    timeline: Timeline, step: Step, kind: Kind, ground: Ground, past: _Past, rules: Mapping[str, Any]
) -> dict[str, Any]:
    situation = ground.situation
    meaning = MEANING[situation]
    since, event = past.since(situation)
    if situation is Situation.SOURCE_STOPPED:
        ways = _through_sources(timeline, step, kind)
    else:
        ways = () if meaning.final else lifting(timeline.policy, step.book, step.call, kind, situation)
    return {
        "condition": situation.word,
        "reason": meaning.reason,
        "verdict": ground.verdict.word,
        "since": since,
        "event": event,
        "can_end": not meaning.final,
        "rules": [rules.get(name) or _floor(name) for name in ground.rules],
        "lifted_by": [[remedy.shown() for remedy in way] for way in ways],
    }


def _made_of(step: Step, kind: Kind) -> tuple[tuple[Kind, ...], ...]:
    """Sources of which all must allow the kind; several such sets where any one of them is enough."""
    named = step.book.sources.get(kind)
    if named:
        return (tuple(named),)
    return tuple((source,) for source in RECORDED) if kind is Kind.TRAINING_DATA else ()


def _through_sources(timeline: Timeline, step: Step, kind: Kind) -> tuple[tuple[Remedy, ...], ...]:
    """What lifts all that holds the sources. What holds both alike, and ends with the call or a stretch, is said of the
    kind itself."""
    ways: list[tuple[Remedy, ...]] = []
    for sources in _made_of(step, kind):
        found = [_first_way(timeline, step, s, ground.situation) for s in sources for ground in _grounds(step, s)]
        known = [way for way in found if way is not None]
        needed = {repr((remedy.type, remedy.fields)): remedy for way in known for remedy in way}
        if needed and len(known) == len(found):
            ways.append(tuple(needed.values()))
    return tuple(ways)


def _first_way(timeline: Timeline, step: Step, source: Kind, situation: Situation) -> tuple[Remedy, ...] | None:
    """None: there is none."""
    if situation in RESTING or LIFECYCLE & situation.bit:
        return ()
    if situation is Situation.SOURCE_STOPPED:
        return next(iter(_through_sources(timeline, step, source)), None)
    ways = () if MEANING[situation].final else lifting(timeline.policy, step.book, step.call, source, situation)
    return next(iter(ways), None)


def _rule(rule: Rule, pack: Pack) -> dict[str, Any]:
    return {
        "id": rule.id,
        "pack": pack.id,
        "version": pack.version,
        "condition": rule.when.word,
        "verdict": BY_OPTION if rule.verdict is None else rule.verdict.word,
        **_sourced(rule),
    }


def _floor(name: str) -> dict[str, Any]:
    """What holds whatever the packs say."""
    condition = name.removeprefix("core.").replace("-", "_")
    unsaid = dict.fromkeys(("citation", "effective", "until", "status"))
    verdict = MEANING[BY_WORD[condition]].floor.word if condition in BY_WORD else None
    return {"id": name, "pack": None, "version": None, "condition": condition, "verdict": verdict, **unsaid}


def _sourced(clause: Sourced) -> dict[str, Any]:
    return {
        "citation": clause.citation,
        "effective": clause.effective.isoformat(),
        "until": None if clause.until is None else clause.until.isoformat(),
        "status": clause.status,
    }


def _pack(pack: Pack) -> dict[str, Any]:
    return {
        "id": pack.id,
        "version": pack.version,
        "title": pack.title,
        "status": pack.status,
        "effective": pack.effective.isoformat(),
        "until": None if pack.until is None else pack.until.isoformat(),
        "digest": pack.digest,
    }


def _party(timeline: Timeline, step: Step, member: Member) -> dict[str, Any]:
    named = sorted(place.value for place in member.places)
    places = [{"place": place, "regime": timeline.policy.regime(place)} for place in named]
    states = {} if member.staff else {p.value: consent_state(step.call, member, p).value for p in Purpose}
    return {"party": member.key, "role": member.role, "asked": not member.staff, "places": places, "consents": states}


def _disputed(timeline: Timeline, step: Step) -> list[dict[str, Any]]:
    """Places of which the sources are read in several ways, strictest first, and the reading that holds."""
    policy = timeline.policy
    return [
        {
            "place": place,
            "readings": list(pack.disputed[place]),
            "reading": policy.regime(place),
            "chosen": f"regimes.{place}" in policy.overlay.chosen,
            "pack": pack.id,
        }
        for place in sorted(step.call.places())
        for pack in step.book.packs
        if place in pack.disputed
    ]


def _clauses(step: Step, kind: Kind) -> dict[str, Any]:
    """What of the packs that apply concerns the kind, beside its rules. A duty is in `conflict` where a restriction
    meets it, a disclosure `missing` where it is owed there and then."""
    packs, now = step.book.packs, step.owed
    duties = [
        (pack, one, {"retention": one.retention, "conflict": one.id in now.conflicts})
        for pack in packs
        for one in pack.duties
    ]
    owed = [
        (pack, one, {"what": one.what.value, "missing": one.what in now.missing})
        for pack in packs
        for one in pack.disclosures
    ]
    rights = [(pack, one, {"what": one.what.value, "within": one.within}) for pack in packs for one in pack.rights]
    kept = [(pack, one, {"retention": one.retention}) for pack in packs for one in pack.documentation]
    return {
        "duties": [_clause(*each) for each in duties if kind in each[1].kinds],
        "documentation": [_clause(*each) for each in kept],
        "disclosures": [_clause(*each) for each in owed],
        "rights": [_clause(*each) for each in rights],
    }


def _clause(pack: Pack, clause: Duty | Documentation | Disclosure | Right, more: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": clause.id, "pack": pack.id, "version": pack.version, **more, **_sourced(clause)}
