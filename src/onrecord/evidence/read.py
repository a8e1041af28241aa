"""Members to what they mean: events, conversation, packs, log, decisions. Builder and verifier share it."""

import struct
from collections.abc import Mapping, Sequence

from onrecord.base import canonical
from onrecord.base.digests import sha256
from onrecord.evidence.case import Log, PolicyPack
from onrecord.evidence.dossier import Opening
from onrecord.evidence.errors import BadMemberError
from onrecord.evidence.replay import Replay, Status, replay, status_of
from onrecord.interaction.errors import InteractionError
from onrecord.interaction.events import Event, Internal, decode
from onrecord.interaction.record import Conversation, fold
from onrecord.ledger import checkpoint, note
from onrecord.policy import pack

SHAPE = (
    KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, ArithmeticError, struct.error,
)  # fmt: skip
"""What a value of another shape than expected runs into."""


def events_of(openings: Sequence[Opening]) -> dict[int, Event]:
    """The readable events by seq. Errors: BadMemberError."""
    found: dict[int, Event] = {}
    for opening in openings:
        if opening.payload is not None:
            try:
                found[opening.seq] = decode(opening.payload)
            except (InteractionError, canonical.NotCanonicalError, RecursionError) as error:
                raise BadMemberError(f"the event with seq {opening.seq} does not have the form of one") from error
    return found


def fold_of(interaction: str, events: Mapping[int, Event]) -> Conversation:
    """Errors: BadMemberError where an event lacks a field of its type."""
    try:
        return fold(interaction, events.values())
    except (InteractionError, *SHAPE) as error:
        raise BadMemberError("the events do not add up to a conversation") from error


def opened_note(data: bytes, vkey: str) -> note.Note:
    """A note with one signature, by this key. Errors: BadMemberError, LedgerError."""
    opened = note.open_note(data, [note.Verifier.parse(vkey)])
    if len(opened.note.signatures) != 1 or opened.note.encode() != data:
        raise BadMemberError("a note of a pack bears exactly one signature")
    return opened.note


def _adopted(data: bytes, vkey: str) -> str:
    """The text of a policy pack: signed by this key first, then perhaps by those who answer for it."""
    verifier = note.Verifier.parse(vkey)
    opened = note.open_note(data, [verifier]).note
    first = opened.signatures[0]
    if (first.name, first.key_id) != (verifier.name, verifier.key_id) or opened.encode() != data:
        raise BadMemberError("the note of a policy pack begins with the log's signature")
    return opened.text


def packs_of(policy: Mapping[str, bytes], vkey: str) -> tuple[pack.Pack, ...]:
    """The policy packs by their notes, in order of id and version. Where several versions of one stand there, the
    version is part of the name. Errors: BadMemberError, LedgerError, PolicyError."""
    found: list[pack.Pack] = []
    for name in sorted(policy):
        text = _adopted(policy[name], vkey).encode()
        parsed = pack.parse(text)
        if name not in {parsed.id, f"{parsed.id}.{parsed.version}"} or parsed.digest != sha256(text).hex():
            raise BadMemberError(f"the policy pack `{name}` is not the one that its name says")
        found.append(parsed)
    return tuple(sorted(found, key=lambda p: (p.id, p.version)))


def log_of(data: bytes, vkey: str) -> Log:
    """Errors: LedgerError."""
    verifier = note.Verifier.parse(vkey)
    found = checkpoint.open_checkpoint(data, verifier.name, [verifier]).checkpoint
    return Log(found.origin, found.size, found.root.hex())


def kernel_of(events: Mapping[int, Event]) -> str:
    """The kernel that the interaction was admitted under."""
    opened = [event for event in events.values() if event.type == Internal.INTERACTION_OPENED]
    kernel = opened[0].data.get("kernel") if opened else None
    if not isinstance(kernel, str):
        raise BadMemberError("no event says under which policy kernel the interaction was opened")
    return kernel


def named_packs(conversation: Conversation) -> tuple[PolicyPack, ...]:
    """The packs that the interaction was opened under. Errors: BadMemberError."""
    fields = {"id", "version", "digest"}
    for named in conversation.packs:
        if named.keys() != fields or not all(isinstance(value, str) for value in named.values()):
            raise BadMemberError("the packs named at the opening are out of form")
    packs = [PolicyPack(named["id"], named["version"], named["digest"]) for named in conversation.packs]
    return tuple(sorted(packs, key=lambda p: (p.id, p.version)))


def replay_of(
    events: Mapping[int, Event], conversation: Conversation, erased: int, packs: Sequence[pack.Pack], exported_at: int
) -> Replay:
    """The decisions, where every fact is open and this kernel made them. Errors: BadMemberError, PolicyError."""
    kernel = kernel_of(events)
    status = status_of(erased, events.values(), kernel)
    if status is not Status.COMPLETE:
        return Replay(status, kernel, (), ())
    try:
        return replay(conversation, list(events.values()), packs, exported_at)
    except SHAPE as error:
        raise BadMemberError("a fact is not of the form that the kernel reads") from error
