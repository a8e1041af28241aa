"""What the calls take, as types. Times in seconds on the interaction's clock."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from onrecord.policy.assertion import CLIENT_TYPES, Source
from onrecord.policy.kinds import Kind
from onrecord.workflow.principal import ANY_SOURCE, Scope

KEY_SOURCES = [ANY_SOURCE, *(source.value for source in Source)]

Word80 = Annotated[str, Meta(min_length=1, max_length=80)]
Text200 = Annotated[str, Meta(min_length=1, max_length=200)]
Seconds = Annotated[float, Meta(ge=0)]


class Party(Struct, forbid_unknown_fields=True):
    """`name`, `phone`, `email` and `external_id` are sealed under the key of this person."""

    role: Word80
    jurisdiction: Word80 = "unknown"
    party_id: Text200 | None = None
    name: Text200 | None = None
    phone: Text200 | None = None
    email: Text200 | None = None
    external_id: Text200 | None = None


class NewInteraction(Struct, forbid_unknown_fields=True):
    """The head of a conversation. `policy` needs the scope `policy:set`."""

    sector: Word80 = "unknown"
    parties: Annotated[list[Party], Meta(max_length=100)] = []
    artifacts_enabled: list[Kind] | None = None
    policy: dict[str, Any] = {}


class Event(Struct):
    """One event, with the fields of its type beside these. `t`: when it happened, seconds or RFC 3339, default now;
    `received`: when it was heard of, seconds, needs the scope `replay`; `event_id`: made up where it is absent."""

    type: Annotated[str, Meta(extra_json_schema={"enum": sorted(CLIENT_TYPES)})]
    event_id: Text200 | UnsetType = UNSET
    t: Seconds | str | UnsetType = UNSET
    received: Seconds | UnsetType = UNSET


class EventBatch(Struct, forbid_unknown_fields=True):
    """All of them are accepted, or none."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=1000)]


class SourceStretch(Struct, forbid_unknown_fields=True):
    """The stretch of an artifact of the same interaction that the new one is made of."""

    artifact: Text200
    start: Seconds
    end: Seconds


class Word(Struct, forbid_unknown_fields=True):
    """`channel` by name, or by index: 0 is `customer`, 1 is `agent`."""

    w: Annotated[str, Meta(max_length=1000)]
    s: Seconds
    e: Seconds
    channel: Annotated[str, Meta(max_length=80)] | Annotated[int, Meta(ge=0, le=255)] = 0


class NewArtifact(Struct, forbid_unknown_fields=True):
    """Words can be cut at the edges of what is closed; content cannot."""

    kind: Kind
    sources: Annotated[list[SourceStretch], Meta(max_length=1000)] = []
    start: Seconds | None = None
    end: Seconds | None = None
    content: str | dict[str, Any] | None = None
    words: list[Word] | None = None
    classification: str = "confidential"


class NewToken(Struct, forbid_unknown_fields=True):
    """`audiohook_conversation`: Genesys' id of the conversation, whose next session may come without the token."""

    audiohook_conversation: (
        Annotated[str, Meta(pattern="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")] | None
    ) = None


class PlatformRecording(Struct, forbid_unknown_fields=True):
    """A recording that a platform makes itself. Without `recording_sid` the one that goes on in the call."""

    platform: Literal["twilio"]
    call_sid: Annotated[str, Meta(pattern="^CA[0-9a-fA-F]{32}$")]
    recording_sid: Annotated[str, Meta(pattern="^RE[0-9a-fA-F]{32}$")] | None = None


class NewKey(Struct, forbid_unknown_fields=True):
    """`source` is what the key may speak for; `any` for everything. `name` is shown in the list of keys.
    `system`: the capture system that alone may use it; the source is `capture_system` then."""

    source: Annotated[str, Meta(extra_json_schema={"enum": KEY_SOURCES})]
    scopes: Annotated[list[Scope], Meta(min_length=1)]
    name: Word80 | None = None
    system: Annotated[str, Meta(pattern="^sys_[0-9a-f]{32}$")] | None = None
