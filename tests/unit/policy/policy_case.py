"""Short scenarios: the shipped packs, a head and facts one after the other."""

from pathlib import Path

from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.kernel import Timeline, replay
from onrecord.policy.kinds import HANDLING_RECORDS, Kind
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy

PACKS = Path(__file__).resolve().parents[3] / "src" / "onrecord" / "policy" / "packs"
SHIPPED = [parse(path.read_bytes()) for path in sorted(PACKS.glob("*.yaml"))]
AUDIO = Kind.AUDIO_RECORDING
LAX = {
    "consent_mode": {
        "one_party": "notice_and_continue",
        "all_party": "explicit",
        "gdpr": "explicit",
        "unknown": "explicit",
    }
}
ALL = frozenset(Kind)
CONTENT = frozenset(Kind) - HANDLING_RECORDS


def head(*places, enabled=ALL, overlay=None, roles=("customer", "agent")):
    parties = tuple(Party(role, place) for role, place in zip(roles, places, strict=False))
    return Head("retail", parties, enabled, LAX if overlay is None else overlay)


class Case:
    """`tell` adds a fact at `t` under the next id; `live` and `replayed` ask for one kind's state and reason."""

    def __init__(self, *places, enabled=ALL, overlay=None, parties=None, packs=SHIPPED):
        self.head = head(*places, enabled=enabled, overlay=overlay)
        if parties is not None:
            self.head = Head("retail", parties, enabled, self.head.overlay)
        self.policy = compile_policy(packs, self.head)
        self.facts: list[Fact] = []

    def tell(self, t, kind, *, received=None, u=0.0, event_id=None, **data):
        identifier = event_id or f"e{len(self.facts) + 1}"
        heard = float(t if received is None else received)
        named = {name.rstrip("_"): value for name, value in data.items()}
        self.facts.append(Fact(identifier, kind, float(t), heard, named, u))
        return self

    def prompted(self, version="p1", t=2, **data):
        return self.tell(t, "prompt_delivered", prompt_version=version, **data)

    def accepted(self, t=6, version="p1", **data):
        return self.tell(t, "consent", result="accepted", method="verbal", prompt_version=version, **data)

    def given(self):
        return self.tell(0, "call_start").prompted().accepted()

    def timeline(self, as_of=float("inf")) -> Timeline:
        return replay(self.policy, self.head, self.facts, as_of)

    def at(self, t, kind=AUDIO, as_of=float("inf")):
        made = self.timeline(as_of).at(float(t))[kind]
        return f"{made.state.value} {made.reason}"

    def live(self, t, kind=AUDIO):
        return self.at(t, kind, as_of=float(t))

    def flags(self, as_of=float("inf")):
        return {flag.flag for flag in self.timeline(as_of).flags(as_of)}
