"""Two sequencers on one database, as two processes would be."""

from pathlib import Path
from threading import Thread

from logclient import ORIGIN, SIGNER, TENANT, Notes, check_log, draft

from onrecord.base import ids
from onrecord.ledger import tlogproof
from onrecord.ledger.sequencer import Draft, Sequenced, Sequencer
from onrecord.storage.ports import EventStore
from onrecord.storage.sqlite import SqliteEventStore


def open_two(path: Path) -> tuple[list[EventStore], list[Sequencer]]:
    stores = [SqliteEventStore(path) for _ in range(2)]
    return stores, [Sequencer(store, TENANT, SIGNER, ORIGIN) for store in stores]


def close(stores: list[EventStore], sequencers: list[Sequencer]) -> None:
    for each in (*sequencers, *stores):
        each.close()


def test_taking_turns_on_shared_interactions_makes_one_log(tmp_path):
    stores, sequencers = open_two(tmp_path / "events.db")
    calls = [ids.new_interaction_id() for _ in range(3)]
    notes, drafts = Notes(), []
    for turn in range(60):
        group = [draft(calls[i % 3]) for i in range(1 + turn % 7 * 5)]
        placed = sequencers[turn % 2 if turn % 5 else 0].append(group)
        assert placed[0].index == len(drafts)
        drafts += group
        notes(stores[0].head(TENANT))
    assert check_log(stores[1], drafts) == len(drafts)
    signed = max((s.checkpoint() for s in sequencers), key=lambda note: int(note.split(b"\n")[1]))
    for sequencer in sequencers:  # one of them has not seen the last groups yet
        data = sequencer.tlog_proof(len(drafts) - 1, signed)
        tlogproof.verify(data, placed[-1].leaf_hash, ORIGIN, [SIGNER.verifier])
    close(stores, sequencers)


def test_writing_at_the_same_time_makes_one_log(tmp_path):
    stores, sequencers = open_two(tmp_path / "events.db")
    calls = [ids.new_interaction_id() for _ in range(4)]
    acknowledged: list[tuple[Draft, Sequenced]] = []

    def work(sequencer: Sequencer, own: list[str]) -> None:
        for i in range(40):
            group = [draft(own[(i + j) % len(own)]) for j in range(1 + i % 3)]
            acknowledged.extend(zip(group, sequencer.append(group), strict=True))

    threads = [Thread(target=work, args=(sequencers[i % 2], calls[i % 2 :])) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert check_log(stores[0], [one for one, _ in acknowledged]) == len(acknowledged) == 4 * (14 + 26 + 39)
    assert sorted(place.index for _, place in acknowledged) == list(range(len(acknowledged)))
    close(stores, sequencers)
