"""What a source that can be paused was told and answered, in a pack."""

import io
import json
import zipfile

import pytest
from evidence_case import SIGNER, Story, telling

from onrecord.evidence.replay import flag_of
from onrecord.evidence.verify import verify
from onrecord.interaction.events import Event, Internal


def answered(**data) -> Event:
    return Event("ev-1", Internal.SOURCE_ANSWERED, 4.0, 4.5, 1, "onrecord", "onrecord", data)


@pytest.mark.parametrize(
    ("wish", "answer", "flag"),
    [
        ("pause", "none", "PAUSE_NOT_ACKNOWLEDGED"),
        ("pause", "media", "MEDIA_WHILE_PAUSED"),
        ("resume", "none", "RESUME_NOT_ACKNOWLEDGED"),
        ("pause", "paused", None),
        ("resume", "resumed", None),
        ("resume", "media", None),
        ({}, [], None),
    ],
)
def test_an_order_that_was_not_followed_is_flagged(wish, answer, flag):
    found = flag_of(answered(wish=wish, answer=answer))
    assert (None if found is None else found.flag) == flag


def test_nothing_said_is_no_flag():
    assert flag_of(answered()) is None


def test_what_was_discarded_stands_in_the_account_and_for_people():
    story = telling(Story())
    told = {"stream": "str_1", "wish": "pause", "answer": "media", "seconds": 0.25}
    story.add(Internal.SOURCE_ANSWERED, 20.0, 81.0, **told)
    story.add(
        Internal.SOURCE_ANSWERED,
        30.0,
        82.0,
        **{**told, "wish": "resume", "answer": "resumed", "start": 20.5, "discarded": 9.5},
    )
    made = story.build()
    assert verify(made, SIGNER.verifier.vkey).first_failure is None
    members = zipfile.ZipFile(io.BytesIO(made))
    account = json.loads(members.read("evidence.json"))
    assert [(entry["answer"], entry.get("discarded")) for entry in account["source_answers"]] == [
        ("media", None),
        ("resumed", 9.5),
    ]
    assert "MEDIA_WHILE_PAUSED" in {flag["flag"] for flag in account["flags"]}
    page = members.read("summary.html").decode()
    assert "start: 20.5; wish: resume; answer: resumed; discarded: 9.5" in page
