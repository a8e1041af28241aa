"""What the calls about stopping a recording take and answer, as types."""

from typing import Literal

from msgspec import Struct


class NewTriggers(Struct, forbid_unknown_fields=True):
    """`keys`: each one key of a telephone. `phrases`: 2 to 12 words each, at most 200."""

    keys: list[str] = []
    phrases: list[str] = []


class Triggers(Struct):
    keys: list[str]
    phrases: list[str]


class StripToken(Struct):
    """`expires_in`: seconds; a restart of the server ends it too."""

    token: str
    expires_in: int


class Script(Struct):
    prompt_version: str
    language: str
    text: str


class StripDirective(Struct):
    """`t`: seconds on the interaction's clock, since when it stands."""

    directive: str
    why: str
    t: float
    text: str


class Strip(Struct):
    """`state` and `reason` (in words) of the recording; `script`: what is to be read now."""

    state: Literal["capturing", "paused", "stopped", "never"]
    reason: str
    script: Script | None
    directives: list[StripDirective]
    may: list[Literal["stop", "resume"]]
