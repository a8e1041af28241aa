"""What the calls about capture systems and webhooks take and answer, as types."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from onrecord.governance.systems import ContractType
from onrecord.policy.kinds import Kind

Text200 = Annotated[str, Meta(min_length=1, max_length=200)]
Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Word = Literal["capture", "redact", "ephemeral", "pause", "stop", "never"]


class Contract(Struct, forbid_unknown_fields=True):
    """`expires`: a date, on which it holds no more, or an RFC 3339 date-time."""

    type: ContractType
    expires: Text200 | None = None


class Vendor(Struct, forbid_unknown_fields=True):
    name: Text200
    contracts: Annotated[list[Contract], Meta(max_length=16)] = []
    sub_processors: Annotated[list[Text200], Meta(max_length=64)] = []


class NewCaptureSystem(Struct, forbid_unknown_fields=True):
    """A program outside that makes artifacts (docs/design/capture-systems.md). `deadline_s`: by when a command is read
    back as followed; `secret`: `whsec_` and base64, made where it is absent; `sectors`: the only
    ones whose conversations command it, all where there is none; `vendor`: none for one of your own."""

    name: Text200
    kinds: Annotated[list[Kind], Meta(min_length=1)]
    control_url: Url
    state_url: Url
    deadline_s: Annotated[float, Meta(ge=0.1, le=300)] = 5.0
    secret: Text200 | None = None
    sectors: Annotated[list[Text200], Meta(max_length=64)] = []
    vendor: Vendor | None = None


class NewSecretMade(Struct, forbid_unknown_fields=True):
    """`secret` is shown this once."""

    id: str
    secret: str


class CaptureSystem(Struct, forbid_unknown_fields=True):
    """`waiting`: in how many conversations it has not followed its last command yet."""

    id: str
    name: str
    kinds: list[Kind]
    control_url: str
    state_url: str
    deadline_s: float
    sectors: list[str]
    vendor: Vendor | None
    waiting: int


class CaptureSystems(Struct, forbid_unknown_fields=True):
    capture_systems: list[CaptureSystem]


class CommandedSystem(Struct, forbid_unknown_fields=True):
    """A capture system of one conversation. `lacking`: contracts for want of which it is told nothing; `command`,
    `action` and `verdicts`: the last that it was sent; `acknowledged`: whether it was read back as following that, none
    before the first reading or the deadline; `code`: why not."""

    id: str
    name: str
    kinds: list[Kind]
    lacking: list[ContractType]
    command: str | None
    action: Literal["start", "pause", "resume", "stop"] | None
    verdicts: dict[Kind, Word] | None
    acknowledged: bool | None
    code: str | None


class NewWebhook(Struct, forbid_unknown_fields=True):
    """`secret`: `whsec_` and base64, made where it is absent."""

    url: Url
    events: Annotated[list[Literal["decision", "directive", "alert"]], Meta(min_length=1)]
    secret: Text200 | None = None


class Webhook(Struct, forbid_unknown_fields=True):
    """`waiting`: messages that it has not taken yet."""

    id: str
    url: str
    events: list[Literal["decision", "directive", "alert"]]
    waiting: int


class Webhooks(Struct, forbid_unknown_fields=True):
    webhooks: list[Webhook]
