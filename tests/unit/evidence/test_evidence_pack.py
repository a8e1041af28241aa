"""A pack as it is built: what is in it, and that it verifies."""

import base64
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest
from evidence_case import (
    ARTIFACT,
    INTERACTION,
    RATE,
    SIGNER,
    STARTED,
    WITNESS,
    Story,
    accounting,
    recorded,
    sign,
    small,
    telling,
)

from onrecord.base import canonical
from onrecord.evidence import container
from onrecord.evidence.errors import DossierError
from onrecord.evidence.verify import verify
from onrecord.interaction.events import Internal
from onrecord.ledger import note

VKEY = SIGNER.verifier.vkey


@pytest.fixture(scope="module")
def pack() -> bytes:
    return telling(Story()).build()


@pytest.fixture(scope="module")
def members(pack) -> dict[str, bytes]:
    return dict(container.read(pack).members)


def test_it_verifies(pack):
    report = verify(pack, VKEY)
    assert [check for check in report.checks if check.result == "fail"] == []
    assert (report.ok, report.signer, report.replay, report.first_failure) == (True, "trusted", "complete", None)
    assert report.assurance == ("operator", "trusted")
    assert [check.n for check in report.checks] == list(range(1, 21))
    assert {check.id for check in report.checks if check.result == "skip"} == {"sound", "witness"}


def test_without_a_key_to_trust_it_is_consistent_and_unverified(pack):
    report = verify(pack)
    assert (report.ok, report.signer, report.assurance) == (True, "unverified", ("operator",))


def test_the_smallest_pack_verifies():
    assert verify(small().build(), VKEY).ok


def test_the_same_dossier_gives_the_same_bytes(pack):
    assert telling(Story()).build() == pack
    script = "import sys; sys.path.insert(0, sys.argv[1]); from evidence_case import *; import hashlib;"
    script += "print(hashlib.sha256(telling(Story()).build()).hexdigest())"
    folder = __file__.rpartition("/")[0]
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script, folder], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert done.stdout.decode().strip() == hashlib.sha256(pack).hexdigest()


def test_members_and_manifest(pack, members):
    head = json.loads(members["manifest.json"])
    assert head["interaction"] == INTERACTION
    assert [m["name"] for m in head["members"]] == list(members)[2:]
    for listed in head["members"]:
        data = members[listed["name"]]
        assert (listed["size"], listed["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    with zipfile.ZipFile(io.BytesIO(pack)) as archive:
        assert archive.namelist() == list(members)
    opened = note.open_note(members["manifest.note"], [SIGNER.verifier]).note
    digest = hashlib.sha256(members["manifest.json"]).hexdigest()
    assert opened.text == f"onrecord/evidence-pack/v1\n{INTERACTION}\n{digest}\n"
    assert container.write(members) == pack


def test_every_json_member_is_canonical(members):
    for name, data in members.items():
        if name.endswith(".json"):
            assert canonical.dumps(canonical.loads(data.removesuffix(b"\n"))) == data.removesuffix(b"\n")
    for line in members["events.jsonl"].splitlines():
        canonical.loads(line)


def test_the_account(members):
    told = json.loads(members["evidence.json"])
    assert told["interaction"]["state"] == "sealed"
    assert told["interaction"]["duration"] == 60
    assert [p["grade"] for p in told["prompts"]] == ["claimed"]
    assert [(c["answer"], c["t"]) for c in told["consent"]] == [("given", 6)]
    assert [(t["from"], t["to"]) for t in told["transfers"]] == [("bot", "agent")]
    assert [o["t"] for o in told["opt_outs"]] == [45]
    (recording,) = told["recordings"]
    assert recording["stored"] == [[6, 16], [16, 20], [30, 36], [36, 45]]
    audio = [p for p in told["pauses"] if p["kind"] == "audio_recording"]
    assert [(p["start"], p["end"], p["reason"]) for p in audio] == [
        (20, 30, "SENSITIVE_SEGMENT"),
        (45, None, "OPT_OUT"),
    ]
    assert [a["artifact"] for a in told["accesses"] if a["type"] == "content_disclosed"] == [ARTIFACT]
    assert told["missing"] == [{"item": "retention", "reason": "nothing deletes by schedule yet"}]
    assert told["seal"]["events"] == told["openings"]["count"] - 2


def test_the_media_and_the_accounting(members):
    media = json.loads(members["media.json"])
    (artifact,) = [a for a in media["artifacts"] if a["kind"] == "audio_recording"]
    assert [(s["start"], s["samples"]) for s in artifact["segments"]] == [
        (6 * RATE, 10 * RATE),
        (16 * RATE, 20 * RATE),
        (36 * RATE, 9 * RATE),
    ]
    track = json.loads(members["accounting.json"])["tracks"]["customer"]
    assert track["received"] == 60 * RATE
    assert track["written"] == 29 * RATE
    assert track["unit"] == "samples"


def test_a_purged_segment_stays_listed():
    """A second of the last segment is replaced by silence after the seal."""
    story = telling(Story())
    data = json.loads(story.openings[13].payload or b"")["data"]
    purged = {**accounting(60, 28), "purged": RATE}
    gaps = [[data["start"], data["start"] + RATE, "policy"]]
    new = {"segment": "seg_" + "9" * 32, "supersedes": [data["segment"]], "gaps": gaps, "runs": gaps}
    story.add(Internal.PURGE_INTENDED, 84.0, purge="pur_1", artifact=ARTIFACT, segment=data["segment"], object="obj_1")
    story.add(Internal.SEGMENT_SEALED, 36.0, 85.0, **{**data, **new, "accounting": purged})
    story.add(Internal.PURGE_COMPLETED, 86.0, purge="pur_1", artifact=ARTIFACT, segment=data["segment"])
    pack = story.build()
    assert verify(pack, VKEY).ok
    media = json.loads(container.read(pack).members["media.json"])
    (artifact,) = [a for a in media["artifacts"] if a["kind"] == "audio_recording"]
    assert [s["superseded_by"] for s in artifact["segments"] if s["segment"] == data["segment"]] == [new["segment"]]
    assert [p["event"] for p in media["purges"]] == ["purge_intended", "purge_completed"]


def test_sound_is_included_and_checked():
    story = telling(Story())
    story.sound = {ARTIFACT: recorded()}
    pack = story.build()
    report = verify(pack, VKEY)
    assert report.ok, report.first_failure
    (check,) = [c for c in report.checks if c.id == "sound"]
    assert (check.result, check.detail) == ("pass", "1 recordings silent where nothing is stored")
    vcon = json.loads(container.read(pack).members["vcon.json"])
    digest = base64.urlsafe_b64encode(hashlib.sha512(recorded()).digest()).rstrip(b"=").decode()
    assert vcon["dialog"][0]["url"] == f"sound/{ARTIFACT}.wav"
    assert vcon["dialog"][0]["content_hash"] == f"sha512-{digest}"


@pytest.mark.parametrize(
    ("at", "why"), [(20.5, "silent"), (3.0, "silent"), (59.9, "silent"), (10.0, "another"), (29.999, "silent")]
)
def test_sound_where_none_may_be_or_other_sound_is_found(at, why):
    story = telling(Story())
    wav = bytearray(recorded())
    wav[44 + 2 * round(at * RATE)] ^= 1
    story.sound = {ARTIFACT: bytes(wav)}
    (check,) = [c for c in verify(story.build(), VKEY).checks if c.id == "sound"]
    assert check.result == "fail"
    assert why in check.detail


def test_a_dossier_that_does_not_hold_together_is_refused():
    story = telling(Story())
    with pytest.raises(DossierError):
        story.build(lambda d: replace(d, proofs={}))
    with pytest.raises(DossierError):
        story.build(lambda d: replace(d, openings=()))
    with pytest.raises(DossierError):
        story.build(lambda d: replace(d, policy=dict(list(d.policy.items())[1:])))
    with pytest.raises(DossierError):
        story.build(lambda d: replace(d, policy={**d.policy, "zz": sign(b"id: zz\n")}))
    with pytest.raises(DossierError):
        story.build(lambda d: replace(d, checkpoint=d.checkpoint[:-5]))


def test_an_interaction_that_is_not_sealed_says_so():
    story = Story()
    telling(story)
    story.openings = story.openings[:-2]
    (check,) = [c for c in verify(story.build(), VKEY).checks if c.id == "seal"]
    assert check.result == "skip"


def test_a_witness_is_named_only_where_known_and_right():
    story = telling(Story())
    plain = story.checkpoint()
    text = note.parse(plain).text
    signed = plain + WITNESS.sign(text, STARTED // 10**9).line().encode()
    story.checkpoint = lambda: signed
    pack = story.build()
    assert verify(pack, VKEY).assurance == ("operator", "trusted")
    report = verify(pack, VKEY, [WITNESS.verifier.vkey])
    assert report.ok
    assert report.assurance == ("operator", "trusted", "witnessed")
    wrong = plain + WITNESS.sign("other\n", STARTED // 10**9).line().encode()
    story.checkpoint = lambda: wrong
    assert verify(story.build(), VKEY).ok
    assert verify(story.build(), VKEY, [WITNESS.verifier.vkey]).first_failure == "witness"
