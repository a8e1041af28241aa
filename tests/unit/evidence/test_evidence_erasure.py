"""What was erased: the log still holds, and the pack says what can no longer be shown."""

import json

import pytest
from evidence_case import SIGNER, Story, telling

from onrecord.evidence import container
from onrecord.evidence.verify import verify
from onrecord.interaction.events import Internal

VKEY = SIGNER.verifier.vkey


def results(pack):
    report = verify(pack, VKEY)
    return report, {check.id: check.result for check in report.checks}


def test_one_person_erased():
    story = telling(Story())
    gone = story.personal()
    story.erase(*gone)
    pack = story.build()
    report, checks = results(pack)
    assert report.ok, report.first_failure
    assert report.replay == "partial"
    assert [name for name, result in checks.items() if result == "skip"] == [
        "decisions", "closed_sound", "closed_derived", "sound", "witness",
    ]  # fmt: skip
    assert checks["sequence"] == checks["inclusion"] == checks["seal"] == "pass"
    whole = b"".join(container.read(pack).members.values())
    assert b"Mara" not in whole
    assert b"+4930000000" not in whole
    told = json.loads(container.read(pack).members["evidence.json"])
    assert told["openings"]["erased"] == gone
    assert told["decisions"]["transitions"] == []
    assert told["flags"] == []


def test_everything_that_a_client_said_erased():
    story = telling(Story())
    client = [o.seq for o in story.openings if b'"source":"platform"' in (o.payload or b"")]
    story.erase(*client)
    report, _ = results(story.build())
    assert (report.ok, report.replay) == (True, "erased")


def test_an_erasure_must_name_what_is_gone_and_only_that():
    story = telling(Story())
    story.erase(6)
    story.openings[8] = type(story.openings[8])(story.openings[8].index, 8, story.openings[8].entry, None, None)
    assert results(story.build())[0].first_failure == "erasures"
    story = telling(Story())
    whole = list(story.openings)
    story.erase(6)
    story.openings[6] = whole[6]
    assert results(story.build())[0].first_failure == "erasures"


def test_an_intent_covers_nothing():
    story = telling(Story())
    erasure = {"erasure": "era_1", "request": 0, "artifacts": [], "openings": [6], "objects": []}
    story.add(Internal.ERASURE_INTENDED, 70.0, **erasure)
    story.openings[6] = type(story.openings[6])(story.openings[6].index, 6, story.openings[6].entry, None, None)
    assert results(story.build())[0].first_failure == "erasures"


def test_an_erasure_cannot_cover_what_comes_after_it():
    story = telling(Story())
    later = len(story.openings) + 2
    erasure = {"erasure": "era_1", "request": 0, "artifacts": [], "openings": [later]}
    story.add(Internal.ERASURE_INTENDED, 70.0, **erasure, objects=[])
    story.add(Internal.ERASURE_COMPLETED, 71.0, **erasure, objects=0)
    story.add("opt_in", 72.0, method="verbal")
    o = story.openings[later]
    story.openings[later] = type(o)(o.index, o.seq, o.entry, None, None)
    assert results(story.build())[0].first_failure == "erasures"


@pytest.mark.parametrize("gone", [[6], [7], [4, 5, 6], [11, 13]])
def test_parts_erased(gone):
    story = telling(Story())
    story.erase(*gone)
    report, _ = results(story.build())
    assert report.ok, [c for c in report.checks if c.result == "fail"]
    assert report.replay == "partial"
