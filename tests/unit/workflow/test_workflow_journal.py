"""What is sealed together opens event by event, for its persons, in its place, and in no other form."""

from types import SimpleNamespace

import pytest

from onrecord.base import ids
from onrecord.base.clock import SystemClock
from onrecord.interaction.entries import PartyEntry
from onrecord.interaction.events import ABOUT_NOBODY, Event, encode
from onrecord.interaction.record import Conversation
from onrecord.ledger.note import Ed25519Signer
from onrecord.ledger.sequencer import Draft, Sequencer
from onrecord.storage.memory import MemoryEventStore, MemoryObjectStore
from onrecord.storage.ports import EventRow
from onrecord.vault.errors import TamperedError
from onrecord.vault.keymemory import MemoryKeyStore
from onrecord.vault.keyring import Keyring
from onrecord.vault.localkms import LocalKms
from onrecord.vault.vault import Vault
from onrecord.workflow import journal
from onrecord.workflow.errors import LogInconsistentError

TENANT = ids.TenantId("t")
ORIGIN = "onrecord.example/t"


@pytest.fixture
def plane():
    store = MemoryEventStore()
    vault = Vault(Keyring(MemoryKeyStore(), LocalKms({1: bytes(32)}), SystemClock()), MemoryObjectStore())
    sequencer = Sequencer(store, TENANT, Ed25519Signer(ORIGIN, bytes(32)), ORIGIN)
    yield SimpleNamespace(tenant=TENANT, store=store, vault=vault, sequencer=sequencer)
    sequencer.close()


@pytest.fixture
def call():
    made = Conversation(ids.new_interaction_id())
    made.parties += [PartyEntry("customer", "IN", ids.new_person_id()), PartyEntry("agent", "IN", ids.new_person_id())]
    return made


def said(number: int, party: str | None = "customer", words: str = "yes") -> Event:
    if party is None:
        assert "call_start" in ABOUT_NOBODY
        return Event(f"evt-{number}", "call_start", number, number + 0.5, number, "ivr", "key", {})
    data = {"party": party, "words": f"{words} {number}"}
    return Event(f"evt-{number}", "utterance", number, number + 0.5, number, "ivr", "key", data)


def stored(plane, call, events) -> list[EventRow]:
    plane.sequencer.append(journal.drafts(plane.vault, TENANT, call, events))
    return plane.store.events(TENANT, call.interaction)


def other(row: EventRow, **changed: object) -> EventRow:
    return EventRow(**{name: getattr(row, name) for name in row.__struct_fields__} | changed)


def shape(drafts: list[Draft]) -> list[int]:
    return [len(draft.marks) for draft in drafts]


def test_consecutive_events_about_the_same_persons_are_sealed_as_one(plane, call):
    parties = ["customer", "customer", "agent", None, None, "customer"]
    drafts = journal.drafts(plane.vault, TENANT, call, [said(n, party) for n, party in enumerate(parties)])
    assert shape(drafts) == [2, 1, 2, 1]
    assert len({draft.keys for draft in drafts}) == 3
    assert drafts[0].keys == drafts[3].keys
    assert len({draft.uid for draft in drafts}) == 4
    assert shape(journal.drafts(plane.vault, TENANT, call, [said(n) for n in range(70)])) == [32, 32, 6]


def test_every_event_opens_alone_and_in_order(plane, call):
    events = [said(n, ("customer", "agent", None)[n // 40 % 3], "x" * n) for n in range(130)]
    rows = stored(plane, call, events)
    assert [journal.read(plane, row) for row in rows] == events
    opened = [journal.open_row(plane, row) for row in reversed(rows)]
    assert [payload for _, payload in opened] == [encode(event) for event in reversed(events)]
    assert len({salt for salt, _ in opened}) == len(rows)


def test_an_erased_person_takes_along_only_their_own_events(plane, call):
    rows = stored(plane, call, [said(0), said(1), said(2, "agent"), said(3, None)])
    plane.vault.shred_person(TENANT, call.parties[0].person)
    assert [journal.open_row(plane, row) is None for row in rows] == [True, True, False, False]


def test_a_run_that_is_cut_spliced_or_moved_does_not_open(plane, call):
    first, second = stored(plane, call, [said(0), said(1)])
    later = stored(plane, call, [said(2), said(3)])[-1]
    blob = first.sealed
    half = len(blob) // 2
    for sealed in (blob[:-1], blob[:half], b"", blob + b"\0", blob[:half] + later.sealed[half:], later.sealed):
        with pytest.raises(TamperedError):
            journal.open_row(plane, other(second, sealed=sealed))
    for changed in ({"uid": later.uid}, {"interaction": ids.new_interaction_id()}):
        with pytest.raises(TamperedError):
            journal.open_row(plane, other(second, **changed))


@pytest.mark.parametrize("part", [0, 2, 3, 40])
def test_another_part_of_the_same_run_is_not_the_event(plane, call, part):
    rows = stored(plane, call, [said(0), said(1), said(2)])
    with pytest.raises(LogInconsistentError):
        journal.open_row(plane, other(rows[1], part=part))
    with pytest.raises(LogInconsistentError):
        journal.open_row(plane, other(rows[1], entry=rows[0].entry))


def test_a_row_that_says_another_type_is_found(plane, call):
    row = stored(plane, call, [said(0)])[0]
    with pytest.raises(LogInconsistentError):
        journal.read(plane, other(row, type="consent_granted"))
