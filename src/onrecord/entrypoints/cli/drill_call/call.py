"""The call of a drill: what is told at which second, and what must hold right after."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.cli.drill_call.systems import SECTOR, Player
from onrecord.entrypoints.cli.rehearsal.claims import Claims
from onrecord.entrypoints.cli.rehearsal.host import Host
from onrecord.entrypoints.reference.conduct import Mode
from onrecord.entrypoints.reference.program import TRANSCRIBER

RATE = 8000
SECONDS = 28.0
CONSENT, PAYMENT, PAID, OUT, BACK, WITHDRAWN = 4.0, 8.0, 12.0, 16.0, 20.0, 24.0
OPEN = ((CONSENT, PAYMENT), (PAID, OUT), (BACK, WITHDRAWN))
PATIENCE_S = 20.0
AUDIO = "audio_recording"
KINDS = (AUDIO, "transcript", "ai_summary", "disposition")
_STATES = {"capture": "capturing", "redact": "capturing"}


class ClosedError(OnRecordError):
    """There is no more to try."""

    code = "drill_closed"


@dataclass(frozen=True, slots=True)
class Tones:
    """Mu-law in which no sample is silent, another one in each track."""

    sample_rate: int = RATE
    duration_s: float = SECONDS
    ulaw: Mapping[str, bytes] = field(default_factory=dict)


def tones() -> Tones:
    at = np.arange(round(SECONDS * RATE))
    tracks = {
        name: (1 + (at * (7 + 2 * n) + at // 113 + 31 * n) % 120).astype(np.uint8).tobytes()
        for n, name in enumerate(("customer", "agent"))
    }
    return Tones(ulaw=tracks)


def head(place: str) -> dict[str, Any]:
    parties = [{"role": "customer", "jurisdiction": place}, {"role": "agent"}]
    return {"sector": SECTOR, "parties": parties, "artifacts_enabled": list(KINDS)}


@dataclass
class Course:
    """Awaited with each second of the media before it is sent. `agent`: the server, by the key of an agent's strip.
    `closed`: the reason for which nothing may be recorded."""

    host: Host
    agent: Host
    interaction: str
    players: list[Player]
    claims: Claims
    closed: str = ""
    _steps: Iterator[tuple[float, Callable[[], None]]] = field(init=False)
    _next: tuple[float, Callable[[], None]] | None = field(init=False)

    def __post_init__(self) -> None:
        self._steps = iter(
            (
                (0.0, self._begins),
                (CONSENT, self._consents),
                (PAYMENT, self._pays),
                (PAID, self._has_paid),
                (OUT, self._opts_out),
                (OUT + 2.0, self._others_try),
                (BACK, self._comes_back),
                (WITHDRAWN, self._withdraws),
                (SECONDS, self._ends),
            )
        )
        self._next = next(self._steps, None)

    async def __call__(self, t: float) -> None:
        while self._next is not None and self._next[0] <= t:
            self._next[1]()
            self._next = next(self._steps, None)

    @property
    def path(self) -> str:
        return f"/v1/interactions/{self.interaction}"

    def _tell(self, kind: str, t: float, by: Host | None = None, **fields: Any) -> str:
        """The state of the recording after an event."""
        answer = (by or self.host).need("POST", f"{self.path}/events", {"type": kind, "t": t, **fields})
        return str(answer["decisions"][AUDIO]["state"])

    def _gate(self) -> str:
        return str(self.host.need("GET", self.path)["gates"][AUDIO])

    def _begins(self) -> None:
        self._tell("call_start", 0.0)
        self.claims.check("closed_before_consent", "without consent the gate is shut", ok=self._gate() == "shut")
        self._obey("stop", "told_to_wait", "every capture system is told to wait, and confirms it", every=True)

    def _consents(self) -> None:
        self._tell("prompt_delivered", CONSENT - 0.5, prompt_version="drill", channel="ivr")
        state = self._tell("consent", CONSENT, result="accepted", method="keypad", prompt_version="drill")
        opened = state == "capturing" and self._gate() == "open"
        self.claims.check("opened_by_consent", "consent opens the gate", ok=opened)
        if not opened:
            self.closed = self.host.need("GET", f"{self.path}/decisions?t={CONSENT}")["decisions"][AUDIO]["reason"]
            raise ClosedError("nothing of this call may be recorded")
        self._obey("start", "started", "the capture systems start, and confirm it", every=True)
        made, status = self._player(TRANSCRIBER, Mode.HONEST).hears(self.interaction, 4.5, 5.5, "hello", "there")
        self.claims.check("words_taken", "a transcriber's words are taken", ok=bool(made) and status == 201)

    def _pays(self) -> None:
        state = self._tell("segment_start", PAYMENT, segment="payment", n=1)
        self.claims.check("payment_pauses", "a payment pauses", ok=state == "paused" and self._gate() == "shut")
        self._obey("pause", "paused", "honest capture systems pause, and confirm it")

    def _has_paid(self) -> None:
        state = self._tell("segment_end", PAID, segment="payment", n=1)
        self.claims.check("payment_over", "after the payment it goes on", ok=state == "capturing")
        self._obey("resume", "resumed", "honest capture systems resume, and confirm it")

    def _opts_out(self) -> None:
        state = self._tell("opt_out", OUT, self.agent, method="agent_button", reason_code="asked")
        stopped = state == "stopped" and self._gate() == "shut"
        self.claims.check("opt_out_stops", "an opt-out from the agent's strip stops the recording", ok=stopped)
        self._obey("stop", "stopped", "honest capture systems stop, and confirm it")
        for mode in (Mode.SILENT, Mode.REFUSING, Mode.STUBBORN, Mode.SLOW):
            found = self._until(self._player(None, mode), lambda shown: shown["acknowledged"] is False)
            self.claims.check(f"noticed_{mode}", f"a {mode} capture system is noticed", ok=found)
        for mode in (Mode.LYING, Mode.RESURRECTING):
            made, status = self._player(None, mode).hears(self.interaction, OUT + 0.5, OUT + 1.5, "still", "here")
            self.claims.check(
                f"refused_{mode}", f"what a {mode} capture system goes on to make is refused",
                ok=bool(made) and status in {403, 409},
            )  # fmt: skip

    def _others_try(self) -> None:
        key = self._player(None, Mode.LYING).key
        outsider = dataclasses.replace(self.host, key=key)
        tried = {"type": "opt_in", "t": OUT + 2.0, "method": "verbal"}
        answer = outsider.call("POST", f"{self.path}/events", tried)
        refused = answer.status == 403 and self._gate() == "shut"
        self.claims.check("opening_refused", "who may not open cannot open", ok=refused)

    def _comes_back(self) -> None:
        state = self._tell("opt_in", BACK, self.agent, method="verbal")
        self.claims.check("opt_in_opens", "the person's own word opens it again", ok=state == "capturing")

    def _withdraws(self) -> None:
        state = self._tell("consent_withdrawn", WITHDRAWN, method="verbal")
        stopped = state == "stopped" and self._gate() == "shut"
        self.claims.check("withdrawal_stops", "a withdrawal stops the recording", ok=stopped)

    def _ends(self) -> None:
        self._tell("call_end", SECONDS)

    def _player(self, role: str | None, mode: Mode) -> Player:
        return next(each for each in self.players if each.mode is mode and role in {None, each.role})

    def _obey(self, action: str, identifier: str, text: str, *, every: bool = False) -> None:
        who = [each for each in self.players if every or each.mode is Mode.HONEST]
        wanted = all(
            self._until(each, lambda shown: shown["acknowledged"] is True and shown["action"] == action) for each in who
        )
        self.claims.check(identifier, text, ok=wanted)

    def _until(self, player: Player, holds: Callable[[Mapping[str, Any]], bool]) -> bool:
        """Whether the server comes to show that of a capture system in time."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            shown = self.host.need("GET", self.path)["capture_systems"]
            if any(each["id"] == player.id and holds(each) for each in shown):
                return True
            time.sleep(0.05)
        return False
