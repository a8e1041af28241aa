"""Prompts: their fixed fields, their digest, what is refused."""

import hashlib
import json

import pytest

from onrecord.governance.errors import InvalidPromptError
from onrecord.governance.prompts import parse, split

GIVEN = {
    "prompt_id": "recording-notice",
    "version": "2026-02",
    "language": "en-GB",
    "text": "This call is recorded. Press 1 to agree.",
    "purposes": ["transcription", "recording", "recording"],
    "discloses": ["recording"],
    "retention": "P90D",
    "privacy_contact": "privacy@example.org",
}


def test_the_digest_is_of_the_canonical_json_of_all_fields() -> None:
    prompt = parse(GIVEN)
    fixed = {**GIVEN, "purposes": ["recording", "transcription"]}
    written = json.dumps(fixed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert prompt.sha256 == hashlib.sha256(written).hexdigest()
    assert prompt.name == "recording-notice@2026-02"


def test_absent_fields_count_as_null() -> None:
    bare = {name: GIVEN[name] for name in ("prompt_id", "version", "language", "text")}
    assert parse(bare) == parse({**bare, "purposes": [], "discloses": None, "retention": None})
    assert parse(bare).fixed()["retention"] is None


@pytest.mark.parametrize("field", sorted(GIVEN))
def test_every_field_is_a_part_of_the_digest(field: str) -> None:
    other = {"purposes": ["training"], "discloses": ["ai"], "retention": "P1Y", "language": "en"}.get(field, "other")
    assert parse({**GIVEN, field: other}).sha256 != parse(GIVEN).sha256


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt_id", "a@b"), ("prompt_id", ""), ("prompt_id", "a/b"), ("prompt_id", 7), ("version", "1@2"),
        ("version", None), ("language", "e"), ("language", "en_GB"), ("text", " "), ("text", "x" * 20_001),
        ("text", "\ud800"), ("purposes", ["profit"]), ("purposes", "recording"), ("discloses", ["nothing"]),
        ("retention", "90 days"), ("retention", "P"), ("retention", "PT1H"), ("privacy_contact", ""),
    ],
)  # fmt: skip
def test_what_is_out_of_form_is_refused_without_its_value(field: str, value: object) -> None:
    with pytest.raises(InvalidPromptError) as caught:
        parse({**GIVEN, field: value})
    assert caught.value.message in {f"`{field}` is not of its form", f"`{field}` names what is not known",
                                    "`text` is not Unicode text"}  # fmt: skip


def test_what_an_event_carries_has_no_text() -> None:
    assert set(parse(GIVEN).registered()) == {
        "prompt_id", "version", "sha256", "language", "purposes", "discloses", "retention",
    }  # fmt: skip


def test_a_name_without_a_version_is_a_word_of_the_platform() -> None:
    assert split("p1") is None
    assert split("notice@2") == ("notice", "2")
