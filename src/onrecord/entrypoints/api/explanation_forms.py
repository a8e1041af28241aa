"""What an explanation holds, as types. Times in seconds on the interaction's clock."""

from typing import Any, Literal

from msgspec import Struct

from onrecord.entrypoints.api.policy_forms import StateWord, VerdictWord
from onrecord.policy.kinds import Kind


class ExplainedRule(Struct, forbid_unknown_fields=True):
    """`pack` is null for what holds whatever the packs say. `status` draft: nobody has reviewed it."""

    id: str
    pack: str | None
    version: str | None
    condition: str
    verdict: str | None
    citation: str | None
    effective: str | None
    until: str | None
    status: Literal["draft", "reviewed"] | None


class CausingEvent(Struct, forbid_unknown_fields=True):
    event_id: str
    type: str
    t: float


class Remedy(Struct, forbid_unknown_fields=True):
    """An event that is needed, and the sources that may tell it. `PROMPT` and `PLACE` stand for what is not known;
    `covers`: the purposes that such a prompt has to ask for."""

    type: str
    fields: dict[str, Any]
    sources: list[str]
    covers: list[str]


class ExplainedCondition(Struct, forbid_unknown_fields=True):
    """`event` is null where it has held from the beginning. `lifted_by`: several ways, each the events that are needed,
    in order."""

    condition: str
    reason: str
    verdict: VerdictWord
    since: float
    event: CausingEvent | None
    can_end: bool
    rules: list[ExplainedRule]
    lifted_by: list[list[Remedy]]


class ExplainedSource(Struct, forbid_unknown_fields=True):
    kind: Kind
    verdict: VerdictWord
    state: StateWord
    reason: str


class ExplainedDirective(Struct, forbid_unknown_fields=True):
    directive: str
    why: str
    t: float


class ExplainedPlace(Struct, forbid_unknown_fields=True):
    place: str
    regime: str


class ExplainedParty(Struct, forbid_unknown_fields=True):
    """`consents`: by purpose, of those who are asked."""

    party: str
    role: str
    asked: bool
    places: list[ExplainedPlace]
    consents: dict[str, str]


class DisputedPlace(Struct, forbid_unknown_fields=True):
    """`readings` strictest first; `chosen`: whether the tenant chose."""

    place: str
    readings: list[str]
    reading: str
    chosen: bool
    pack: str


class Clause(Struct, forbid_unknown_fields=True):
    id: str
    pack: str
    version: str
    citation: str
    effective: str
    until: str | None
    status: Literal["draft", "reviewed"]


class ExplainedDuty(Clause, forbid_unknown_fields=True):
    """A duty to record. `conflict`: a restriction meets it."""

    retention: str
    conflict: bool


class ExplainedDocumentation(Clause, forbid_unknown_fields=True):
    """How long what is written about conversations is kept at least, whatever becomes of what was recorded."""

    retention: str


class ExplainedDisclosure(Clause, forbid_unknown_fields=True):
    what: str
    missing: bool


class ExplainedRight(Clause, forbid_unknown_fields=True):
    what: str
    within: str | None


class ExplainedPack(Struct, forbid_unknown_fields=True):
    id: str
    version: str
    title: str
    status: Literal["draft", "reviewed"]
    effective: str
    until: str | None
    digest: str


class Explanation(Struct, forbid_unknown_fields=True):
    """Why one kind has its verdict. `draft`: it rests on a rule that nobody has reviewed."""

    interaction: str
    as_of: float
    kind: Kind
    t: float
    verdict: VerdictWord
    state: StateWord
    reason: str
    since: float
    cause: str | None
    can_end: bool
    draft: bool
    rules: list[ExplainedRule]
    conditions: list[ExplainedCondition]
    sources: list[ExplainedSource]
    directives: list[ExplainedDirective]
    purpose: str
    legal_basis: str
    retention: str
    retention_note: str | None
    notice_grade: str
    parties: list[ExplainedParty]
    disputed: list[DisputedPlace]
    duties: list[ExplainedDuty]
    documentation: list[ExplainedDocumentation]
    disclosures: list[ExplainedDisclosure]
    rights: list[ExplainedRight]
    packs: list[ExplainedPack]
