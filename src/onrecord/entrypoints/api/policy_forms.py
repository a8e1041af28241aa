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


class PolicyLint(Struct, forbid_unknown_fields=True):
    """`packs`: their files; without any those that are loaded."""

    packs: Packs = []


class LintFinding(Struct, forbid_unknown_fields=True):
    """`file`: the place of the pack in the list, from 0, or the id of a loaded one. `clause`: the id of a rule, duty
    and so on; none where the pack as a whole is meant."""

    file: str
    pack: str | None
    clause: str | None
    code: str
    message: str


class PolicyLinted(Struct, forbid_unknown_fields=True):
    """`drafts`: by file, the clauses whose citation nobody has reviewed."""

    ok: bool
    findings: list[LintFinding]
    drafts: dict[str, list[str]]
