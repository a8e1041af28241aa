"""Forgeries. Unless said otherwise the forger holds the operator's key and signs the manifest anew, so that only what
is behind the manifest can find it out."""

import base64
import json
from dataclasses import replace

import pytest
from evidence_case import (
    ARTIFACT,
    CUSTOMER,
    FORGER,
    INTERACTION,
    RATE,
    SIGNER,
    Story,
    accounting,
    opened,
    recorded,
    salt,
    segment,
    sign,
    telling,
    transcript,
)

from onrecord.base import canonical
from onrecord.base.digests import Domain, commit
from onrecord.evidence import build, container, manifest, openings
from onrecord.evidence.errors import DossierError, UnreadablePackError
from onrecord.evidence.verify import verify
from onrecord.interaction.events import Internal
from onrecord.ledger import leaf, tlogproof
from onrecord.ledger.tree import leaf_hash

VKEY = SIGNER.verifier.vkey


@pytest.fixture(scope="module")
def pack() -> bytes:
    return telling(Story()).build()


@pytest.fixture
def members(pack) -> dict[str, bytes]:
    return dict(container.read(pack).members)


def forge(members, signer=SIGNER, /, **head):
    """The file of these members with a manifest that fits them, signed."""
    rest = {name: data for name, data in members.items() if name not in container.FIRST}
    old = manifest.parse(members["manifest.json"])
    listed = tuple(manifest.member(name, rest[name]) for name in container.in_order(rest))
    fields = {"log_vkey": signer.verifier.vkey, "members": listed, **head}
    new = manifest.to_bytes(replace(old, **fields))
    note = sign(manifest.note_text(json.loads(new)["interaction"], new), signer)
    return container.write({"manifest.json": new, "manifest.note": note, **rest})


def failure(pack, trust=VKEY):
    report = verify(pack, trust)
    assert not report.ok
    return report.first_failure


def reopened(members, change):
    """With the openings changed, and the proofs of those that are left."""
    changed = change(list(openings.parse(members["events.jsonl"])))
    left = {build.proof_name(o.seq) for o in changed}
    kept = {name: data for name, data in members.items() if not name.startswith("proofs/") or name in left}
    return {**kept, "events.jsonl": openings.to_bytes(changed)}


def test_forging_nothing_changes_nothing(pack, members):
    assert forge(members) == pack


def test_a_changed_member_is_named(pack, members):
    assert failure(container.write({**members, "vcon.json": b"{}\n"})) == "members"
    flipped = pack.replace(b'"duration":60', b'"duration":61')
    report = verify(flipped, VKEY)
    assert report.first_failure == "container"
    assert "evidence.json" in report.checks[0].detail
    assert "evidence.json" in report.checks[1].detail


@pytest.mark.parametrize("name", ["evidence.json", "vcon.json", "media.json", "accounting.json", "summary.html"])
def test_a_derived_member_that_says_something_else(members, name):
    said = {"evidence.json": (b'"sector":"utility"', b'"sector":"finance"'), "vcon.json": (b"Mara", b"Nora"),
            "media.json": (b'"chunks":3', b'"chunks":4'), "accounting.json": (b'"late":0', b'"late":1'),
            "summary.html": (b"the person asked", b"nobody asked")}[name]  # fmt: skip
    assert said[0] in members[name]
    assert failure(forge({**members, name: members[name].replace(*said)})) == "derived"


def test_other_decisions_than_the_facts_lead_to(members):
    told = json.loads(members["evidence.json"])
    told["decisions"]["transitions"][3]["reason"] = "CONSENT_IMPLIED"
    assert failure(forge({**members, "evidence.json": canonical.dumps(told) + b"\n"})) == "decisions"
    told = json.loads(members["evidence.json"])
    told["flags"].append({"event_id": "ev-000", "flag": "POLICY_BYPASS", "t": 1})
    assert failure(forge({**members, "evidence.json": canonical.dumps(told) + b"\n"})) == "decisions"


@pytest.mark.parametrize("seq", [1, 5, 12, -1])
def test_an_omitted_event(members, seq):
    lost = openings.parse(members["events.jsonl"])[seq].seq
    forged = forge(reopened(members, lambda o: [x for x in o if x.seq != lost]))
    last = lost == len(openings.parse(members["events.jsonl"])) - 1
    assert failure(forged) == ("derived" if last else "sequence")


def test_events_changed_in_order_or_number(members):
    def swapped(o):
        return [*o[:4], o[5], o[4], *o[6:]]

    def renumbered(o):
        return [*o[:4], replace(o[5], seq=4), replace(o[4], seq=5), *o[6:]]

    assert failure(forge(reopened(members, swapped))) == "sequence"
    assert failure(forge(reopened(members, renumbered))) == "entries"


def test_swapped_salts_and_payloads(members):
    def salts(o):
        return [replace(o[0], salt=o[1].salt), replace(o[1], salt=o[0].salt), *o[2:]]

    def payloads(o):
        return [*o[:5], replace(o[5], salt=o[6].salt, payload=o[6].payload), *o[6:]]

    assert failure(forge(reopened(members, salts))) == "commitments"
    assert failure(forge(reopened(members, payloads))) == "commitments"


def test_a_withheld_payload_that_no_erasure_covers(members):
    forged = forge(reopened(members, lambda o: [*o[:6], replace(o[6], salt=None, payload=None), *o[7:]]))
    assert failure(forged) == "erasures"


def test_a_new_entry_for_an_old_event(members):
    """The forger rewrites an event with a commitment of its own: the entry is no longer in the log."""

    def rewritten(o):
        payload = (o[6].payload or b"").replace(b'"accepted"', b'"implied"')
        told = leaf.parse(o[6].entry)
        entry = leaf.encode(told.interaction, 6, told.previous, commit(Domain.EVENT, salt(6), payload))
        return [*o[:6], replace(o[6], payload=payload, entry=entry), *o[7:]]

    assert failure(forge(reopened(members, rewritten))) == "inclusion"


def test_proofs_of_others(members):
    names = [name for name in members if name.startswith("proofs/")]
    swapped = {**members, names[0]: members[names[1]], names[1]: members[names[0]]}
    assert failure(forge(swapped)) == "inclusion"
    absent = {name: data for name, data in members.items() if name != names[3]}
    assert failure(forge(absent)) == "inclusion"
    assert failure(forge({**members, "proofs/00000099.tlog-proof": members[names[0]]})) == "inclusion"
    extra = replace(tlogproof.parse(members[names[2]]), extra=b"more").encode()
    assert failure(forge({**members, names[2]: extra})) == "inclusion"


def test_another_interactions_pack_under_this_name(members):
    other = forge(members, interaction="int_" + "77" * 16)
    assert failure(other) == "entries"


def test_another_checkpoint(members):
    story = telling(Story())
    story.add("opt_in", 50.0, 88.0, method="verbal")
    other = story.checkpoint()
    assert failure(forge({**members, "checkpoint": other})) == "inclusion"
    foreign = members["checkpoint"].replace(b"acme", b"acne")
    assert failure(forge({**members, "checkpoint": foreign})) == "checkpoint"
    assert failure(forge({**members, "checkpoint": members["manifest.note"]})) == "checkpoint"


def test_the_seal(members):
    """A seal that counts wrongly, names another digest, or stands twice."""
    for change in ({"events": 18}, {"last_digest": "00" * 32}):
        story = telling(Story())
        story.openings = story.openings[:-2]
        told = {"events": len(story.openings), "last_digest": leaf_hash(story.openings[-1].entry).hex()}
        story.add(Internal.SEALED, 61.0, **{**told, **change})
        assert failure(story.build()) == "seal"
    story = telling(Story())
    story.seal()
    assert failure(story.build()) == "seal"


def test_a_seal_taken_off_is_said(members):
    forged = forge(reopened(members, lambda o: o[:-2]))
    report = verify(forged, VKEY)
    assert [c.result for c in report.checks if c.id == "seal"] == ["skip"]
    assert report.first_failure == "derived"


def test_a_member_twice_or_too_many(pack, members):
    directory = pack.index(b"PK\x01\x02")
    first = pack.index(b"PK\x03\x04", 4)
    with pytest.raises(UnreadablePackError):
        verify(pack[:directory] + pack[:first] + pack[directory:])
    assert failure(forge({**members, "notes.txt": b"hello"})) == "members"
    without = {name: data for name, data in members.items() if name != "vcon.json"}
    assert failure(forge(without)) == "members"
    assert failure(container.write(without)) == "members"


def test_a_key_twice_in_json(members):
    twice = members["evidence.json"].replace(b'"duration":60', b'"duration":60,"duration":60')
    assert failure(forge({**members, "evidence.json": twice})) == "decisions"
    lines = members["events.jsonl"].replace(b'"seq":3}', b'"seq":3,"seq":3}')
    assert failure(forge({**members, "events.jsonl": lines})) == "entries"
    head = members["manifest.json"].replace(b'"version":1', b'"version":1,"version":1')
    with pytest.raises(UnreadablePackError):
        verify(container.write({**members, "manifest.json": head}))


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"index":0', b'"index":true'), (b'"index":0', b'"index":-1'), (b'"seq":0', b'"seq":"0"'),
     (b'"seq":0}\n', b'"seq":0} \n'), (b'"salt":"', b'"salt":"!'), (b'"index":0', b'"index":0.5'),
     (b'"index":0', b'"index":0,"zz":0')],
)  # fmt: skip
def test_openings_out_of_form(members, old, new):
    assert old in members["events.jsonl"]
    changed = members["events.jsonl"].replace(old, new, 1)
    assert failure(forge({**members, "events.jsonl": changed})) == "entries"


def test_base64_in_another_spelling(members):
    text = base64.b64encode(openings.parse(members["events.jsonl"])[0].salt or b"")
    other = text[:-2] + bytes([text[-2] + 1]) + b"="
    assert base64.b64decode(other) == base64.b64decode(text)
    changed = members["events.jsonl"].replace(text, other)
    assert failure(forge({**members, "events.jsonl": changed})) == "entries"
    note = members["manifest.note"]
    assert note.endswith(b"=\n")
    with_spare = note[:-3] + bytes([note[-3] + 1]) + b"=\n" if not note.endswith(b"==\n") else note[:-4] + b"B==\n"
    assert failure(container.write({**members, "manifest.note": with_spare})) == "manifest_note"


def test_signature_lines_too_many_or_of_others(members):
    note = members["manifest.note"]
    line = note.splitlines(keepends=True)[-1]
    assert failure(container.write({**members, "manifest.note": note + line})) == "manifest_note"
    stranger = FORGER.sign("x\n").line().encode()
    assert failure(container.write({**members, "manifest.note": note + stranger})) == "manifest_note"
    assert failure(container.write({**members, "manifest.note": note.replace(line, stranger)})) == "manifest_note"
    other = sign(manifest.note_text(INTERACTION, b"{}"))
    assert failure(container.write({**members, "manifest.note": other})) == "manifest_note"


def test_policy_packs(members):
    name = next(name for name in members if name.startswith("policy/"))
    text = members[name].rpartition(b"\n\n")[0] + b"\n"
    stranger = sign(text, FORGER)
    assert failure(forge({**members, name: stranger})) == "policy"
    softer = sign(text + b"# softer\n")
    assert failure(forge({**members, name: softer})) == "policy"
    absent = {key: data for key, data in members.items() if key != name}
    assert failure(forge(absent)) == "policy"
    assert failure(forge({**members, "policy/zz.note": members[name]})) == "policy"


def test_signed_anew_by_somebody_else(members):
    """Everything made again under a key of the forger's own: consistent, and nobody's."""
    pack = telling(Story(signer=FORGER)).build()
    report = verify(pack)
    assert (report.ok, report.signer) == (True, "unverified")
    report = verify(pack, VKEY)
    assert (report.ok, report.signer, report.first_failure, report.assurance) == (False, "mismatch", "signer", ())
    assert failure(forge(members, FORGER), FORGER.verifier.vkey) == "checkpoint"


def story_with(change):
    """The case, told with one event's data changed before it is committed to."""
    told = Story()
    add = told.add

    def changing(kind, t, received=None, /, **data):
        return add(kind, t, received, **change(len(told.openings), str(kind), data))

    told.add = changing
    return telling(told)


def test_sound_stored_at_a_closed_instant():
    """The operator itself commits to a segment that reaches into the payment."""

    def leaking(_, kind, data):
        if kind != Internal.SEGMENT_SEALED or not data["gaps"]:
            return data
        gaps = [[20 * RATE + 80, 30 * RATE, "policy"]]
        return {**segment(2, 16, 36, gaps, data["runs"], 20.01)}

    report = verify(story_with(leaking).build(), VKEY)
    (check,) = [c for c in report.checks if c.id == "closed_sound"]
    assert (check.result, check.detail) == ("fail", "stored sound at 20.000 s, which is closed")


@pytest.mark.parametrize(("samples", "closes"), [(0, False), (1, True), (400, True)])
def test_uncertain_clocks_widen_what_is_closed(samples, closes):
    def uncertain(_, kind, data):
        return {**data, "uncertainty": samples} if kind == Internal.SEGMENT_SEALED else data

    report = verify(story_with(uncertain).build(), VKEY)
    assert ("closed_sound" in [c.id for c in report.checks if c.result == "fail"]) is closes


def test_a_transcript_over_a_closed_instant():
    def covering(_, kind, data):
        return transcript([[0.0, 6.0], [45.0, 60.0]]) if kind == Internal.ARTIFACT_STORED else data

    assert failure(story_with(covering).build()) == "closed_derived"


def test_samples_that_do_not_add_up():
    def adding(_, kind, data):
        if kind != Internal.TRACK_ACCOUNTED:
            return data
        return {**data, "accounting": {**data["accounting"], "late": 1}}

    def boasting(_, kind, data):
        return {**data, "accounting": accounting(60, 28)} if kind == Internal.TRACK_ACCOUNTED else data

    assert failure(story_with(adding).build()) == "accounting"
    assert failure(story_with(boasting).build()) == "accounting"


@pytest.mark.parametrize(
    ("runs", "detail"),
    [
        ([[46 * RATE, 60 * RATE, "policy"]], "the fates that were told leave a hole"),
        (
            [[45 * RATE, 59 * RATE, "policy"], [59 * RATE, 60 * RATE, "gap"]],
            "more samples were told of as silenced than are counted",
        ),
        (
            [[44 * RATE, 45 * RATE, "lost"], [45 * RATE, 60 * RATE, "policy"]],
            "other samples were told of as passed than are counted as written",
        ),
        (
            [[45 * RATE, 59 * RATE, "policy"], [59 * RATE, 61 * RATE, "disconnected"]],
            "more samples were told of as silenced than are counted",
        ),
        ([[45 * RATE, 59 * RATE, "policy"]], "fewer samples were told of as silenced than are counted"),
    ],
)
def test_fates_that_do_not_come_to_the_counts(runs, detail):
    def telling_otherwise(_, kind, data):
        return {**data, "runs": runs} if kind == Internal.TRACK_ACCOUNTED else data

    report = verify(story_with(telling_otherwise).build(), VKEY)
    (check,) = [c for c in report.checks if c.id == "accounting"]
    assert (check.result, check.detail) == ("fail", detail)


def test_fates_are_told_as_far_as_segments_are_sealed():
    """A pack of a call that goes on: what is held is counted, and told of later."""

    def going_on(_, kind, data):
        if kind != Internal.TRACK_ACCOUNTED:
            return data
        counts = {**accounting(60, 29), "head": 60 * RATE, "silenced_policy": 30 * RATE, "held": RATE}
        return {**data, "runs": [], "accounting": counts}

    report = verify(story_with(going_on).build(), VKEY)
    assert report.ok, [c for c in report.checks if c.result == "fail"]


def test_an_unknown_kernel_is_said():
    def later(_, kind, data):
        return {**data, "kernel": "99"} if kind == Internal.INTERACTION_OPENED else data

    story = story_with(later)
    report = verify(story.build(), VKEY)
    assert (report.ok, report.replay) == (True, "kernel_unknown")
    skipped = [c.id for c in report.checks if c.result == "skip"]
    assert skipped == ["decisions", "closed_sound", "closed_derived", "sound", "witness"]


def test_events_of_hostile_shape():
    """Signed and committed to, yet not what their types say: a failure, never an exception."""
    shapes = [
        (Internal.STREAM_OPENED, {"tracks": 7, "stream": []}),
        (Internal.SEGMENT_SEALED, {}),
        (Internal.SEALED, {"events": None, "last_digest": 3}),
        (Internal.INTERACTION_OPENED, {"packs": [[]]}),
        (Internal.PARTY_ADDED, {"role": {}, "person": 3, "jurisdiction": []}),
        (Internal.TRACK_ACCOUNTED, {"track": "customer", "runs": [[1]], "accounting": {"written": "x"}}),
        (Internal.ERASURE_COMPLETED, {"erasure": [], "openings": [[]]}),
        (Internal.ARTIFACT_STORED, {**transcript([]), "start": "0"}),
        (Internal.CONTENT_DISCLOSED, {"artifact": {"a": [None, {"b": 1.5}]}}),
        ("consent", {"result": ["accepted"], "scope": 9, "party": {}}),
        ("transfer", {"from": 3, "to": None}),
    ]
    for kind, data in shapes:
        story = telling(Story())
        before = story.build()
        story.add(kind, 62.0, **data)
        try:
            pack = story.build()
        except DossierError:
            good = dict(container.read(before).members)
            checkpoint = story.checkpoint()
            proofs = {build.proof_name(seq): proof for seq, proof in story.proofs(checkpoint).items()}
            events = openings.to_bytes(story.openings)
            pack = forge({**good, "checkpoint": checkpoint, "events.jsonl": events, **proofs})
            assert not verify(pack, VKEY).ok
        else:
            verify(pack, VKEY)


def test_payloads_that_are_no_events():
    for payload in (b"{}", b'{"a":' * 300 + b"1" + b"}" * 300):
        story = telling(Story())
        good = dict(container.read(story.build()).members)
        story.put(payload)
        checkpoint = story.checkpoint()
        proofs = {build.proof_name(seq): proof for seq, proof in story.proofs(checkpoint).items()}
        forged = {**good, "checkpoint": checkpoint, "events.jsonl": openings.to_bytes(story.openings), **proofs}
        assert failure(forge(forged)) in {"events", "entries"}


def test_sound_of_nothing_that_is_kept(members):
    assert failure(forge({**members, f"sound/art_{'0' * 32}.wav": recorded()})) == "sound"
    for wav in (b"RIFF", recorded() + b"\0", recorded()[:-2]):
        pack = forge({**members, f"sound/{ARTIFACT}.wav": wav})
        assert [c.id for c in verify(pack, VKEY).checks if c.result == "fail"] == ["derived", "sound"]


def test_the_first_event_opens_the_interaction():
    story = Story()
    story.add(Internal.PARTY_ADDED, 0.0, role="customer", jurisdiction="DE", person=CUSTOMER)
    story.add(Internal.INTERACTION_OPENED, 0.0, **opened(story.packs))
    assert failure(story.build()) == "events"


def test_a_manifest_that_leaves_a_member_out(members):
    listed = manifest.parse(members["manifest.json"]).members
    assert failure(forge(members, members=listed[:-1])) == "members"
    assert failure(forge(members, members=listed[::-1])) == "members"


def test_a_proof_that_carries_another_checkpoint(members):
    """The path leads to this pack's root, the note in the proof is of another tree."""
    story = telling(Story())
    story.add("opt_in", 50.0, 88.0, method="verbal")
    name = build.proof_name(4)
    other = replace(tlogproof.parse(members[name]), checkpoint=story.checkpoint()).encode()
    assert failure(forge({**members, name: other})) == "inclusion"


def test_an_opening_that_states_another_index(members):
    def moved(o):
        return [*o[:4], replace(o[4], index=o[4].index + 1), *o[5:]]

    assert failure(forge(reopened(members, moved))) == "inclusion"


def committed(story, seq, previous, at=None):
    """Puts an event into the log as the operator itself might, with any number and any predecessor."""
    payload = (story.openings[6].payload or b"").replace(b"ev-006", b"ev-%03d" % (100 + seq))
    entry = leaf.encode(bytes.fromhex(INTERACTION[4:]), seq, previous, commit(Domain.EVENT, salt(seq), payload))
    index = len(story.entries) if at is None else at
    story.entries.insert(index, entry)
    return openings.Opening(index, seq, entry, salt(seq), payload)


def test_a_log_that_the_operator_itself_keeps_wrongly():
    """A number left out, another predecessor named, a later event logged before an earlier one."""
    story = telling(Story())
    last = leaf_hash(story.openings[-1].entry)
    story.openings.append(committed(story, len(story.openings) + 1, last))
    assert failure(story.build()) == "sequence"
    story = telling(Story())
    story.openings.append(committed(story, len(story.openings), salt(0)))
    assert failure(story.build()) == "sequence"
    story = telling(Story())
    moved = story.openings.pop()
    story.entries.remove(moved.entry)
    story.entries.insert(2, moved.entry)
    story.openings = [replace(o, index=story.entries.index(o.entry)) for o in [*story.openings, moved]]
    assert failure(story.build()) == "sequence"


def changed_decisions(members, **fields):
    told = json.loads(members["evidence.json"])
    told["decisions"].update(fields)
    return forge({**members, "evidence.json": canonical.dumps(told) + b"\n"})


def test_what_is_said_of_the_replay(members):
    for fields in ({"kernel": "other"}, {"replay": "erased"}, {"replay": "kernel_unknown"}, {"replay": "half"}):
        assert failure(changed_decisions(members, **fields)) == "decisions"


def test_decisions_stated_over_erased_facts(members):
    story = telling(Story())
    story.erase(6)
    erased = dict(container.read(story.build()).members)
    stated = json.loads(members["evidence.json"])["decisions"]["transitions"]
    assert failure(changed_decisions(erased, transitions=stated)) == "decisions"


def test_a_later_verifier_takes_the_decisions_of_an_unknown_kernel_as_stated(pack, members, monkeypatch):
    """Replay is not claimed; what the stated decisions close must still be closed."""
    monkeypatch.setattr("onrecord.evidence.replay.KERNEL", "onrecord-policy-kernel/2")
    report = verify(pack, VKEY)
    assert (report.ok, report.replay) == (True, "kernel_unknown")
    assert [c.id for c in report.checks if c.result == "skip"] == ["decisions", "sound", "witness"]
    told = json.loads(members["evidence.json"])["decisions"]["transitions"]
    shut = [{**t, "verdict": "stop"} if t["kind"] == "audio_recording" else t for t in told]
    report = verify(changed_decisions(members, transitions=shut), VKEY)
    assert "closed_sound" in [c.id for c in report.checks if c.result == "fail"]
