"""What the calls answer, as types: for the OpenAPI document, and for the tests that hold the answers to it."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from onrecord.entrypoints.api.system_forms import CommandedSystem
from onrecord.policy.kinds import Kind
from onrecord.workflow.health import Trouble

GateWord = Literal["open", "shut"]


class Health(Struct, forbid_unknown_fields=True):
    ok: bool


class Readiness(Struct, forbid_unknown_fields=True):
    """`troubles` is empty where `ready` is true."""

    ready: bool
    troubles: list[Annotated[str, Meta(extra_json_schema={"enum": [trouble.value for trouble in Trouble]})]]


class Problem(Struct, forbid_unknown_fields=True):
    """RFC 9457. `gates` is there where a closing could not be stored and holds in memory."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    gates: Literal["closed"] | UnsetType = UNSET


class Admitted(Struct, forbid_unknown_fields=True):
    id: str
    stream_token: str


class StreamToken(Struct, forbid_unknown_fields=True):
    stream_token: str


class Flag(Struct, forbid_unknown_fields=True):
    flag: str
    t: float
    event_id: str


class Decision(Struct, forbid_unknown_fields=True):
    verdict: Literal["capture", "redact", "ephemeral", "pause", "stop", "never"]
    state: Literal["capturing", "paused", "stopped", "never"]
    reason: str
    rules: list[str]
    purpose: str
    legal_basis: str
    retention: str
    since: float
    can_end: bool


class Told(Struct, forbid_unknown_fields=True):
    """Decisions as they are after the events, the flags that these events raised, and where the last leaf stands."""

    decisions: dict[Kind, Decision]
    flags: list[Flag]
    leaf_index: int | None
    tree_size: int | None


class Directive(Struct, forbid_unknown_fields=True):
    """What agent or bot is to do, why (a reason or a flag), and since which second."""

    directive: Literal["end_or_move_call", "move_to_unrecorded", "read_prompt"]
    why: str
    t: float


class Decisions(Struct, forbid_unknown_fields=True):
    t: float
    as_of: float
    decisions: dict[Kind, Decision]
    directives: list[Directive]
    flags: list[Flag]


class PartyView(Struct, forbid_unknown_fields=True):
    role: str
    jurisdiction: str
    person: str
    party_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    external_id: str | UnsetType = UNSET


class Pack(Struct, forbid_unknown_fields=True):
    id: str
    version: str | int
    digest: str


class SealView(Struct, forbid_unknown_fields=True):
    events: int
    last_digest: str


class PlatformRecording(Struct, forbid_unknown_fields=True):
    """One that a platform makes itself: commanded, not gated. `wish`, `status` and `followed` are of the last reading
    that said something new; none until the first. `code` says why there is no status."""

    id: str
    platform: str
    wish: Literal["record", "pause", "stop"] | None
    status: Literal["recording", "paused", "ended"] | None
    followed: bool | None
    code: str | None


class CommandedRecording(Struct, forbid_unknown_fields=True):
    id: str


class Interaction(Struct, forbid_unknown_fields=True):
    id: str
    state: Literal["open", "interrupted", "ended", "sealed"]
    sector: str
    parties: list[PartyView]
    artifacts_enabled: list[Kind]
    policy_packs: list[Pack]
    created_at: str
    started_at: str | None
    ended_at: str | None
    gates: dict[Kind, GateWord]
    interruptions: list[float]
    streams_live: int
    erased_events: int
    seal: SealView | None
    platform_recordings: list[PlatformRecording]
    capture_systems: list[CommandedSystem]
    flags: list[Flag]


class Transition(Struct, forbid_unknown_fields=True):
    t: float
    kind: Kind
    verdict: str
    state: str
    reason: str
    cause: str | None


class TimelineEvent(Struct, forbid_unknown_fields=True):
    """`erased`: the keys of what this event said are destroyed; then only what the log shows in clear is here."""

    event_id: str
    type: str
    t: float
    received: float
    leaf_index: int
    source: str | UnsetType = UNSET
    uncertainty: float | UnsetType = UNSET
    data: dict[str, Any] | UnsetType = UNSET
    erased: bool | UnsetType = UNSET


class Timeline(Struct, forbid_unknown_fields=True):
    events: list[TimelineEvent]
    transitions: list[Transition]


class TrackAccount(Struct, forbid_unknown_fields=True):
    """Samples. received + missing = written + silenced_policy + silenced_gap + late + duplicate + invalid + held +
    lost; purged is apart."""

    unit: Literal["samples"]
    received: int = 0
    missing: int = 0
    written: int = 0
    silenced_policy: int = 0
    silenced_gap: int = 0
    late: int = 0
    duplicate: int = 0
    invalid: int = 0
    held: int = 0
    lost: int = 0
    purged: int = 0


class Accounting(Struct, forbid_unknown_fields=True):
    tracks: dict[str, TrackAccount]


class StoredArtifact(Struct, forbid_unknown_fields=True):
    id: str
    state: str
    withheld: list[tuple[float, float]]


class SourceView(Struct, forbid_unknown_fields=True):
    artifact: str
    start: float
    end: float


class Artifact(Struct, forbid_unknown_fields=True):
    """`gaps` are (start, end, why): what of the stretch is not kept."""

    id: str
    kind: Kind
    track: str | None
    media_type: str
    start: float
    end: float
    state: Literal["active", "quarantined", "erased"]
    classification: str
    sources: list[SourceView]
    gaps: list[tuple[float, float, str]]


class Artifacts(Struct, forbid_unknown_fields=True):
    artifacts: list[Artifact]


class Sealed(Struct, forbid_unknown_fields=True):
    leaf_index: int
    tree_size: int
    events: int
    last_digest: str


class NewKeyMade(Struct, forbid_unknown_fields=True):
    """`key` is shown this once."""

    id: str
    key: str
    source: str
    scopes: list[str]
    name: str | UnsetType = UNSET
    system: str | UnsetType = UNSET


class KeyView(Struct, forbid_unknown_fields=True):
    """`name` is `ready` for the key in the ready file."""

    id: str
    source: str
    scopes: list[str]
    name: str | UnsetType = UNSET
    system: str | UnsetType = UNSET


class Keys(Struct, forbid_unknown_fields=True):
    keys: list[KeyView]


class Forgotten(Struct, forbid_unknown_fields=True):
    """How many conversations, events and objects cannot be opened any more."""

    person: str
    interactions: int
    events: int
    objects: int


class DecisionMessage(Struct, forbid_unknown_fields=True):
    """The data of one server-sent event named `decision`."""

    interaction: str
    kind: Kind
    t: float
    verdict: str
    state: str
    reason: str
    cause: str | None
    leaf_index: int


class WordView(Struct, forbid_unknown_fields=True):
    w: str
    s: float
    e: float
    channel: str


class Words(Struct, forbid_unknown_fields=True):
    """Content of an artifact that was given as words."""

    words: list[WordView]


class Text(Struct, forbid_unknown_fields=True):
    """Content of an artifact that was given as content."""

    content: Any = field(default=None)
