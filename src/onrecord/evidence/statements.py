"""What persons said of consent, out of the events: one statement for each, with the purposes that it is about and what
holds of them since. The most restrictive wins: a consent counts no more from what takes it back on, nor while somebody
has opted out of what it is about."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from onrecord.evidence.stand import Acceptance, Said, Stand
from onrecord.interaction.events import Event, Internal
from onrecord.interaction.record import Conversation
from onrecord.policy.answers import expiry
from onrecord.policy.options import OBLIGATION
from onrecord.policy.purposes import CONVERSATION, Purpose, closed, opened

_late = attrgetter("late")
_RESULTS = {"accepted": Said.GIVEN, "implied": Said.IMPLIED, "declined": Said.REFUSED}
_GRANTS = frozenset({Said.GIVEN, Said.IMPLIED})
_KINDS = frozenset({"consent", "consent_withdrawn", "opt_out", "opt_in", "objection", "erasure_request"})


@dataclass(frozen=True, slots=True)
class Statement:
    """`type` and `data` of the event; `purposes` in the order of the vocabulary; `said` by person what it changed of
    which purposes, a name that nobody bears with a question mark before it; `renews` the consent that counts again."""

    seq: int
    event: Event
    type: str
    data: Mapping[str, Any]
    purposes: tuple[Purpose, ...]
    said: Mapping[str, Mapping[Purpose, Said]]
    renews: Mapping[str, Any] | None = None

    @property
    def opens(self) -> bool:
        return self.type == "opt_in" or (self.type == "consent" and self.data.get("result") != "declined")

    def granted(self, purpose: Purpose) -> bool:
        """By all of whom it speaks."""
        return self.opens and all(changed.get(purpose) in _GRANTS for changed in self.said.values())


class _Read(NamedTuple):
    """By when a text had been read, in seconds, to whom, and what the register says of it."""

    late: float
    persons: tuple[str, ...]
    registered: Any


def statements(conversation: Conversation, events: Iterable[tuple[int, Event]]) -> list[Statement]:
    """Of all events with their seqs, in the order of time. One that came under an id used for something else was said
    too."""
    listed = list(events)
    read = [_read(conversation, event) for _, event in listed if event.type == "prompt_delivered"]
    read.sort(key=_late)
    stands: dict[str, Stand] = {}
    found = []
    for seq, event in sorted(listed, key=lambda pair: (pair[1].t, pair[0])):
        kind, data = event.type, event.data
        if kind == Internal.EVENT_CONFLICTED:
            kind, data = data["type"], data["data"]
        if kind not in _KINDS:
            continue
        names = conversation.persons_in(data) or (f"?{data.get('party_id') or data.get('party')}",)
        who = [stands.setdefault(name, Stand()) for name in names]
        made = _statement(conversation, read, (seq, event, kind, data), dict(zip(names, who, strict=True)))
        if made is not None:
            found.append(made)
    return found


def rested(conversation: Conversation, basis: str) -> frozenset[Purpose]:
    """The purposes that the overlay rests on something else than consent."""
    chosen = conversation.overlay.get("legal_basis")
    if not isinstance(chosen, Mapping):
        return frozenset()
    return frozenset(purpose for purpose in Purpose if chosen.get(purpose.value) == basis)


def _read(conversation: Conversation, event: Event) -> _Read:
    name = event.data.get("party_id") or event.data.get("to")
    persons = conversation.person_of(name if isinstance(name, str) else None)
    return _Read(event.t + event.uncertainty, persons, event.data.get("registered"))


def _statement(
    conversation: Conversation,
    read: Sequence[_Read],
    told: tuple[int, Event, str, Mapping[str, Any]],
    stands: Mapping[str, Stand],
) -> Statement | None:
    seq, event, kind, data = told
    early, late = event.t - event.uncertainty, event.t + event.uncertainty
    scope = data.get("scope")
    said: dict[str, Mapping[Purpose, Said]] = {}
    renews: Mapping[str, Any] | None = None
    purposes: frozenset[Purpose] = frozenset()
    for person, stand in stands.items():
        match kind:
            case "consent":
                result = _RESULTS.get(str(data.get("result")))
                if result is None:
                    return None
                if result is Said.REFUSED:
                    purposes = closed(scope, CONVERSATION)
                    said[person] = stand.refuse(purposes, late, result)
                else:
                    purposes = _covered(scope, _text(conversation, read, event, data))
                    given = Acceptance(result, data, expiry(data, conversation.started_at))
                    said[person] = stand.accept(purposes, early, given)
            case "consent_withdrawn":
                purposes = closed(scope, frozenset(Purpose))
                said[person] = stand.refuse(purposes, late, Said.WITHDRAWN)
            case "objection":
                purposes = closed(scope, frozenset(Purpose)) - rested(conversation, OBLIGATION)
                said[person] = stand.lose(purposes, late)
            case "erasure_request":
                purposes = frozenset(Purpose)
                said[person] = stand.erase(late)
            case "opt_out":
                purposes, said[person] = stand.opt_out(data.get("kinds"), late)
            case "opt_in" if len(stands) == 1:
                purposes, said[person], renews = stand.opt_in(data.get("kinds"), early, event.t)
    if not purposes:
        return None
    return Statement(seq, event, kind, data, tuple(p for p in Purpose if p in purposes), said, renews)


def _text(conversation: Conversation, read: Sequence[_Read], event: Event, data: Mapping[str, Any]) -> object:
    """What the register says of the text to which an answer is: the one named, else the last that was read."""
    if data.get("prompt_version") is not None:
        return data.get("registered")
    before = read[: bisect_right(read, event.t - event.uncertainty, key=_late)]
    persons = frozenset(conversation.persons_in(data))
    return next((text.registered for text in reversed(before) if persons.intersection(text.persons)), None)


def _covered(scope: object, registered: object) -> frozenset[Purpose]:
    """What an acceptance is to: its scope, and no more than the registered text asks for that it names, or that was the
    last to be read."""
    if not isinstance(registered, Mapping):
        return opened(scope)
    asked = opened(registered.get("purposes"))
    return asked if scope is None else asked & opened(scope)
