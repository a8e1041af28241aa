"""What the calls about prompts, standing profiles and legal bases take and answer, as types."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from onrecord.entrypoints.api.requests import Word80
from onrecord.governance.legal_basis import Basis
from onrecord.governance.profile import MAX_CONSENTS, METHODS
from onrecord.policy.clauses import Disclosed
from onrecord.policy.purposes import Purpose

PROMPT_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}(@[A-Za-z0-9][A-Za-z0-9_.:-]{0,31})?$"
PromptId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
PromptVersion = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,31}$")]
Period = Annotated[str, Meta(pattern=r"^P[0-9][0-9YMWD]{0,20}$")]


class NewPrompt(Struct, forbid_unknown_fields=True):
    """`language`: BCP 47. `purposes`: what an acceptance of it covers. `discloses`: what it tells people. `retention`:
    ISO 8601, the longest period that the text states."""

    prompt_id: PromptId
    version: PromptVersion
    language: Annotated[str, Meta(min_length=2, max_length=80)]
    text: Annotated[str, Meta(min_length=1, max_length=20_000)]
    purposes: Annotated[list[Purpose], Meta(max_length=16)] = []
    discloses: Annotated[list[Disclosed], Meta(max_length=16)] = []
    retention: Period | None = None
    privacy_contact: Annotated[str, Meta(min_length=1, max_length=500)] | None = None


class CurrentPrompt(Struct, forbid_unknown_fields=True):
    version: PromptVersion


class RegisteredPrompt(Struct, forbid_unknown_fields=True):
    """`sha256`: of the canonical JSON (RFC 8785) of all fields of the prompt, absent ones as null."""

    prompt_id: str
    version: str
    sha256: str


class PromptAudio(Struct, forbid_unknown_fields=True):
    """`sha256` is of the file as it was given."""

    sha256: str
    encoding: str
    sample_rate: int
    seconds: float


class PromptVersionView(Struct, forbid_unknown_fields=True):
    version: str
    language: str
    text: str
    purposes: list[Purpose]
    discloses: list[Disclosed]
    retention: str | None
    privacy_contact: str | None
    sha256: str
    audio: PromptAudio | None


class PromptView(Struct, forbid_unknown_fields=True):
    """`current` is the version that was made current; none until one was."""

    prompt_id: str
    current: str | None
    versions: list[PromptVersionView]


class PromptList(Struct, forbid_unknown_fields=True):
    prompts: list[PromptView]


class ExternalId(Struct, forbid_unknown_fields=True):
    """One `external_id` is one person over all conversations."""

    external_id: Annotated[str, Meta(min_length=1, max_length=200)]


class PersonView(Struct, forbid_unknown_fields=True):
    person: str


class GivenConsent(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """`purposes` as in the scope of a consent event. `given_at` (default: now) and `expires`: RFC 3339."""

    purposes: Annotated[list[Purpose], Meta(min_length=1, max_length=16)]
    method: Annotated[str, Meta(extra_json_schema={"enum": sorted(METHODS)})]
    prompt_version: Annotated[str, Meta(pattern=PROMPT_NAME)] | None = None
    given_at: Annotated[str, Meta(max_length=40)] | None = None
    expires: Annotated[str, Meta(max_length=40)] | None = None


class NewProfile(Struct, forbid_unknown_fields=True):
    """In place of the consents before; withdrawals stay."""

    consents: Annotated[list[GivenConsent], Meta(max_length=MAX_CONSENTS)]


class NewWithdrawal(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Of a person by `external_id`, known or not, or by `person`. `scope`: the purposes; absent: all; a word that is
    not known counts as all."""

    external_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    person: Annotated[str, Meta(pattern="^prs_[0-9a-f]{32}$")] | None = None
    scope: Annotated[list[Word80], Meta(max_length=64)] | None = None
    method: Word80 | None = None


class RegisteredVersion(Struct, forbid_unknown_fields=True):
    """What the register held of a prompt when an event or a profile named it."""

    prompt_id: str
    version: str
    sha256: str
    language: str
    purposes: list[Purpose]
    discloses: list[Disclosed]
    retention: str | None


class ProfileConsent(Struct, forbid_unknown_fields=True):
    """`state`: what holds of it now. `left`: what of it was not taken back since. `by`: the id of the key that told of
    it."""

    purposes: list[Purpose]
    method: str
    given_at: str
    expires: str | None
    prompt_version: str | None
    registered: RegisteredVersion | None
    by: str
    state: Literal["live", "expired", "withdrawn"]
    left: list[Purpose]


class ProfileWithdrawal(Struct, forbid_unknown_fields=True):
    """`scope` null: everything."""

    at: str
    scope: list[str] | None


class Profile(Struct, forbid_unknown_fields=True):
    """`purposes`: per purpose of which something is known, what holds now."""

    person: str
    purposes: dict[Purpose, Literal["live", "expired", "withdrawn"]]
    consents: list[ProfileConsent]
    withdrawals: list[ProfileWithdrawal]


class Withdrawn(Struct, forbid_unknown_fields=True):
    """`interactions`: how many conversations of this person it holds in."""

    person: str
    interactions: int


class NewLegalBasis(Struct, forbid_unknown_fields=True):
    """`purpose`: one of the purposes of consent, or a text. `balancing`: texts by name; a legitimate interest needs
    one at least. `reviewed_at`, `expires`: RFC 3339."""

    id: PromptId
    basis: Basis
    purpose: Annotated[str, Meta(min_length=1, max_length=500)]
    necessity: Annotated[str, Meta(min_length=1, max_length=20_000)]
    reviewed_by: Annotated[str, Meta(min_length=1, max_length=500)]
    reviewed_at: Annotated[str, Meta(max_length=40)]
    balancing: dict[str, str] = {}
    expires: Annotated[str, Meta(max_length=40)] | None = None


class RegisteredLegalBasis(Struct, forbid_unknown_fields=True):
    """`sha256`: of the canonical JSON (RFC 8785) of all fields of the record, absent ones as null."""

    id: str
    sha256: str


class LegalBasisView(Struct, forbid_unknown_fields=True):
    """`live`: not expired."""

    id: str
    basis: Basis
    purpose: str
    necessity: str
    balancing: dict[str, str]
    reviewed_by: str
    reviewed_at: str
    expires: str | None
    sha256: str
    live: bool


class LegalBases(Struct, forbid_unknown_fields=True):
    legal_bases: list[LegalBasisView]
