"""Commands to capture systems, and what they are read back as doing (docs/design/capture-systems.md).

A command holds the verdicts of all kinds that a system makes of one conversation; the newest takes the place of all
before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from onrecord.base import canonical
from onrecord.base.clock import rfc3339
from onrecord.capture.errors import ControlError


class Action(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class Doing(StrEnum):
    """What a system does with one kind."""

    CAPTURING = "capturing"
    PAUSED = "paused"
    STOPPED = "stopped"


_TARGETS = {
    "capture": Doing.CAPTURING,
    "redact": Doing.CAPTURING,
    "ephemeral": Doing.PAUSED,
    "pause": Doing.PAUSED,
    "stop": Doing.STOPPED,
    "never": Doing.STOPPED,
}
_RANK = {verdict: rank for rank, verdict in enumerate(("never", "stop", "pause", "ephemeral", "redact", "capture"))}
Verdicts = Mapping[str, str]


def target(verdict: str) -> Doing:
    return _TARGETS[verdict]


def lowered(one: Verdicts, other: Verdicts) -> dict[str, str]:
    """Of each kind the lower verdict."""
    return {kind: min(verdict, other.get(kind, verdict), key=_RANK.__getitem__) for kind, verdict in one.items()}


@dataclass(frozen=True, slots=True)
class Command:
    """`kinds`: those that `action` is about; `verdicts`: of all kinds of this system in this conversation. `t` in
    seconds on its clock, `issued` in nanoseconds since the epoch."""

    id: str
    action: Action
    kinds: tuple[str, ...]
    verdicts: Verdicts
    t: float
    issued: int

    @property
    def closes(self) -> bool:
        return self.action in {Action.STOP, Action.PAUSE}

    @property
    def closed(self) -> list[str]:
        """Kinds that may not be captured."""
        return sorted(kind for kind, verdict in self.verdicts.items() if target(verdict) is not Doing.CAPTURING)

    @property
    def final(self) -> bool:
        return all(target(verdict) is Doing.STOPPED for verdict in self.verdicts.values())


def what_changed(before: Verdicts | None, after: Verdicts) -> tuple[Action, tuple[str, ...]]:
    """The action that sums up the step from one set of verdicts to the next, and the kinds that it is about: what
    closes first. Before the first command nothing is captured."""
    found: dict[Action, list[str]] = {}
    for kind, verdict in sorted(after.items()):
        old = None if before is None else before.get(kind)
        if old == verdict:
            continue
        found.setdefault(_action(old, target(verdict)), []).append(kind)
    action = next((a for a in (Action.STOP, Action.PAUSE, Action.START, Action.RESUME) if a in found), Action.RESUME)
    return action, tuple(found.get(action, ()))


def _action(old: str | None, new: Doing) -> Action:
    if new is Doing.STOPPED:
        return Action.STOP
    if new is Doing.PAUSED:
        return Action.PAUSE
    return Action.START if old is None or target(old) is Doing.STOPPED else Action.RESUME


class State(msgspec.Struct, frozen=True):
    """What a system says of itself. Fields that are not known are passed over."""

    interaction: str
    command: str | None
    states: dict[str, Doing]


_state = msgspec.json.Decoder(State).decode


def read_state(body: bytes, interaction: str) -> State:
    """Errors: ControlError (control_unreadable)."""
    try:
        found = _state(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ControlError("the system's state is out of form", code="control_unreadable") from error
    if found.interaction != interaction:
        raise ControlError("the system told of another conversation", code="control_unreadable")
    return found


def unlike(command: Command, state: State) -> list[str]:
    """Kinds that are not as the command asks, sorted. A kind that is stopped is also paused."""
    found = []
    for kind, verdict in command.verdicts.items():
        wanted, told = target(verdict), state.states.get(kind)
        if told is not wanted and not (wanted is Doing.PAUSED and told is Doing.STOPPED):
            found.append(kind)
    return sorted(found)


def capturing(command: Command, state: State) -> list[str]:
    """Kinds that it captures and may not, sorted."""
    return [kind for kind in command.closed if state.states.get(kind) is Doing.CAPTURING]


def as_json(command: Command) -> dict[str, Any]:
    """As it is stored; `issued` as text."""
    return {
        "command": command.id,
        "action": command.action.value,
        "kinds": list(command.kinds),
        "verdicts": dict(command.verdicts),
        "t": command.t,
        "issued": str(command.issued),
    }


def from_json(body: Mapping[str, Any]) -> Command:
    """The inverse of `as_json`."""
    return Command(
        body["command"], Action(body["action"]), tuple(body["kinds"]), dict(body["verdicts"]), body["t"],
        int(body["issued"]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """To be sent: `id` stays the same however often it is."""

    id: str
    body: bytes


class Outside(Protocol):
    """Somebody who takes signed messages at addresses of their own. Every call ends within seconds.

    Errors: ControlError."""

    async def post(self, url: str, message: Message) -> None:
        """Returns where it was answered by 2xx."""
        ...

    async def get(self, url: str, query: Mapping[str, str]) -> bytes:
        """The body of an answer by 2xx."""
        ...

    async def close(self) -> None: ...


class Outsiders(Protocol):
    """Makes them: `key` signs, `seconds` is how long one call may take. Errors: OriginError."""

    def __call__(self, urls: tuple[str, ...], key: bytes, seconds: float) -> Outside: ...


def envelope(kind: str, at: int, data: Mapping[str, Any]) -> bytes:
    """The body of a message (Standard Webhooks): `at` in nanoseconds since the epoch."""
    return canonical.dumps({"type": kind, "timestamp": rfc3339(at), "data": data})
