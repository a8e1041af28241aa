"""How a capture system takes commands: as it should, and in the ways in which such systems fail. No clock, no socket.

A bad system starts and resumes as it is told; it is what closes that it does not follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum

CAPTURING, PAUSED, STOPPED = "capturing", "paused", "stopped"
_STATE_OF = {
    "capture": CAPTURING,
    "redact": CAPTURING,
    "ephemeral": PAUSED,
    "pause": PAUSED,
    "stop": STOPPED,
    "never": STOPPED,
}


class Mode(StrEnum):
    """honest: obeys. silent: does not answer. refusing: answers with an error. stubborn: takes the command and shows
    its old state. lying: shows that it obeyed and goes on. slow: obeys late. resurrecting: obeys, and goes on with the
    next that it hears."""

    HONEST = "honest"
    SILENT = "silent"
    REFUSING = "refusing"
    STUBBORN = "stubborn"
    LYING = "lying"
    SLOW = "slow"
    RESURRECTING = "resurrecting"


class Answer(Enum):
    TAKEN = 200
    REFUSED = 503
    NONE = 0


@dataclass(slots=True)
class _Call:
    """`shown` is what it says that it does, `done` what it does. `due`: a command taken and when to obey it, seconds.
    `rises`: kinds that were closed and will be captured again."""

    command: str = ""
    shown: dict[str, str] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)
    due: tuple[float, dict[str, str]] | None = None
    rises: frozenset[str] = frozenset()
    silent: bool = False


class Conduct:
    """`delay` in seconds, for slow ones. Every `now` is in seconds that only go on."""

    def __init__(self, mode: Mode, kinds: Sequence[str], delay: float = 10.0) -> None:
        self._mode = mode
        self._kinds = tuple(kinds)
        self._delay = delay
        self._calls: dict[str, _Call] = {}

    def command(self, interaction: str, identifier: str, verdicts: Mapping[str, str], now: float) -> Answer:
        call = self._call(interaction, now)
        wanted = {kind: _STATE_OF.get(verdicts.get(kind, ""), STOPPED) for kind in self._kinds}
        closes = any(call.done[kind] == CAPTURING != wanted[kind] for kind in self._kinds)
        if not closes or self._mode is Mode.HONEST:
            call.silent = False
            self._obey(call, identifier, wanted)
            return Answer.TAKEN
        return self._fail(call, identifier, wanted, now)

    def _fail(self, call: _Call, identifier: str, wanted: dict[str, str], now: float) -> Answer:
        match self._mode:
            case Mode.SILENT:
                call.silent = True
                return Answer.NONE
            case Mode.REFUSING:
                return Answer.REFUSED
            case Mode.SLOW:
                call.due = (now + self._delay if call.due is None else call.due[0], wanted)
            case Mode.LYING:
                call.shown = wanted
            case Mode.RESURRECTING:
                call.rises = frozenset(kind for kind in self._kinds if call.done[kind] == CAPTURING != wanted[kind])
                self._obey(call, identifier, wanted)
            case Mode.STUBBORN | Mode.HONEST:
                pass
        call.command = identifier
        return Answer.TAKEN

    def _obey(self, call: _Call, identifier: str, wanted: dict[str, str]) -> None:
        call.command, call.shown, call.done, call.due = identifier, dict(wanted), dict(wanted), None

    def state(self, interaction: str, now: float) -> dict[str, object] | None:
        """What it says of itself; None where it says nothing."""
        call = self._call(interaction, now)
        if call.silent:
            return None
        return {"interaction": interaction, "command": call.command, "states": dict(call.shown)}

    def captures(self, interaction: str, now: float) -> list[str]:
        """The kinds that it makes of what it hears now."""
        call = self._call(interaction, now)
        if call.rises:
            again = dict.fromkeys(call.rises, CAPTURING)
            call.done, call.shown, call.rises = {**call.done, **again}, {**call.shown, **again}, frozenset()
        return [kind for kind in self._kinds if call.done[kind] == CAPTURING]

    def _call(self, interaction: str, now: float) -> _Call:
        call = self._calls.get(interaction)
        if call is None:
            idle = dict.fromkeys(self._kinds, STOPPED)
            call = self._calls[interaction] = _Call(shown=dict(idle), done=dict(idle))
        if call.due is not None and now >= call.due[0]:
            self._obey(call, call.command, call.due[1])
        return call
