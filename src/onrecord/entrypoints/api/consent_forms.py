"""What the calls about prompts take and answer, as types."""

from typing import Annotated

from msgspec import Meta, Struct

from onrecord.policy.clauses import Disclosed
from onrecord.policy.purposes import Purpose

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
