"""What the calls about policy take and answer, as types. Times in seconds on the interaction's clock."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from onrecord.entrypoints.api.requests import Word80
from onrecord.policy.kinds import Kind
from onrecord.policy.matrix import SITUATIONS

VerdictWord = Literal["capture", "redact", "ephemeral", "pause", "stop", "never"]
StateWord = Literal["capturing", "paused", "stopped", "never"]
Packs = Annotated[list[Annotated[str, Meta(max_length=262_144)]], Meta(max_length=64)]
SituationWord = Annotated[str, Meta(extra_json_schema={"enum": list(SITUATIONS)})]


class PolicyReplay(Struct, forbid_unknown_fields=True):
    """`packs`: the text of packs to try, each instead of a loaded one of its id that binds on the same day. Goes on
    from `start`, the `next` of the page before."""

    packs: Packs = []
    start: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Ruled(Struct, forbid_unknown_fields=True):
    verdict: VerdictWord
    state: StateWord
    reason: str
    purpose: str
    legal_basis: str
    retention: str


class ReplayDifference(Struct, forbid_unknown_fields=True):
    """Over [t, until); `until` null: for good."""

    interaction: str
    kind: Kind
    t: float
    until: float | None
    old: Ruled
    new: Ruled


class NotJudged(Struct, forbid_unknown_fields=True):
    """`code` is `erased` where the keys of what decides were destroyed."""

    interaction: str
    code: str


class FlagDifference(Struct, forbid_unknown_fields=True):
    """Names of flags that only the packs on trial raise, and those that they do not raise any more."""

    interaction: str
    new: list[str]
    gone: list[str]


class PolicyReplayed(Struct, forbid_unknown_fields=True):
    """One page. `next` is null at the end; `size` is that of the log."""

    start: int
    next: int | None
    size: int
    judged: int
    different: int
    not_judged: list[NotJudged]
    differences: list[ReplayDifference]
    flags: list[FlagDifference]


class PolicyMatrix(Struct, forbid_unknown_fields=True):
    """Absent places, sectors, situations and kinds: all that packs name, or that there are. `policy` is an overlay;
    `date` the day of the calls, without which every rule binds."""

    packs: Packs = []
    places: Annotated[list[Word80], Meta(max_length=200)] | None = None
    sectors: Annotated[list[Word80], Meta(max_length=100)] | None = None
    situations: list[SituationWord] | None = None
    kinds: list[Kind] | None = None
    policy: dict[str, Any] = {}
    date: Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


class MatrixDecision(Struct, forbid_unknown_fields=True):
    verdict: VerdictWord
    state: StateWord
    reason: str
    rules: list[str]
    purpose: str
    legal_basis: str
    retention: str
    can_end: bool


class MatrixRow(Struct, forbid_unknown_fields=True):
    """Calls between any one of these places, in any of these sectors. `packs` as `ID@VERSION`."""

    places: list[str]
    sectors: list[str]
    packs: list[str]
    situation: SituationWord
    decisions: dict[Kind, MatrixDecision]


class PolicyMatrixShown(Struct, forbid_unknown_fields=True):
    rows: list[MatrixRow]


class PolicyTest(Struct, forbid_unknown_fields=True):
    """`scenarios` as in docs/design/scenarios.md."""

    scenarios: Annotated[list[Any], Meta(min_length=1, max_length=1000)]
    packs: Packs = []


class Tally(Struct, forbid_unknown_fields=True):
    right: int
    all: int


class FlagTally(Struct, forbid_unknown_fields=True):
    right: int
    missing: int
    forbidden: int


class ScenarioFailure(Struct, forbid_unknown_fields=True):
    """`file` is the place of the scenario in the list, from 0."""

    file: str
    t: float
    as_of: float
    kind: Kind | None
    field: Literal["state", "reason", "flags", "not_flags"]
    expected: str | None
    got: str | None


class NoScenario(Struct, forbid_unknown_fields=True):
    file: str
    code: str
    detail: str


class PolicyTested(Struct, forbid_unknown_fields=True):
    """As `onrecord policy test --json`; `refused`: what is no scenario."""

    states: Tally
    reasons: Tally
    flags: FlagTally
    conventions: Tally
    failures: list[ScenarioFailure]
    refused: list[NoScenario]


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
    """An event that is needed, and the sources that may tell it. `PROMPT` and `PLACE` stand for what is not known."""

    type: str
    fields: dict[str, Any]
    sources: list[str]


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
    disclosures: list[ExplainedDisclosure]
    rights: list[ExplainedRight]
    packs: list[ExplainedPack]
