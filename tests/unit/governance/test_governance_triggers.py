"""What counts as a person's word to stop a recording."""

from dataclasses import dataclass

import pytest

from onrecord.governance.errors import InvalidTriggersError
from onrecord.governance.triggers import USUAL, Triggers, parse, plain, said


@dataclass(frozen=True)
class Word:
    w: str
    s: float


def words(text):
    return [Word(word, float(at)) for at, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("please stop recording now", [1.0]),
        ("Stop, um, recording.", [0.0]),
        ("I DON\u2019T want this recorded", [1.0]),
        ("i do not want to be recorded", [1.0]),
        ("I do not agree. Stop recording!", [4.0]),
        ("i told you not to. stop recording", [5.0]),
        ("turn uh the recording off", [0.0]),
        ("stop recording i said stop recording", [0.0, 4.0]),
        ("don't stop recording", []),
        ("do not ever say never to stop recording", []),
        ("recording may stop", []),
        ("when will you stop", []),
        ("", []),
    ],
)
def test_phrases_are_heard(text, at):
    assert said(USUAL, words(text)) == at


def test_a_word_of_a_recogniser_may_hold_several():
    assert said(USUAL, [Word("please", 1.0), Word("stop recording", 2.0)]) == [2.0]


def test_other_scripts():
    triggers = parse({"phrases": ["bitte nicht aufzeichnen", "रिकॉर्डिंग बंद करो"]})
    assert said(triggers, words("Nicht aufzeichnen bitte")) == [0.0]
    assert said(triggers, words("रिकॉर्डिंग बंद करो")) == [0.0]


def test_plain():
    assert plain("Don't_STOP, \uff46\uff55\uff4c\uff4c") == ("dont", "stop", "full")


@pytest.mark.parametrize(
    "raw",
    [
        {"keys": ["10"]},
        {"keys": [9]},
        {"keys": "9"},
        {"phrases": ["stop"]},
        {"phrases": [" , stop"]},
        {"phrases": ["a b"] * 201},
        {"phrases": ["x " * 13]},
        {"phrases": [None]},
        {"phrases": "stop recording"},
    ],
)
def test_what_is_no_trigger(raw):
    with pytest.raises(InvalidTriggersError):
        parse(raw)


def test_as_shown():
    assert parse({"keys": ["9", "#", "9"]}) == Triggers(frozenset("9#"))
    assert parse(Triggers(frozenset("9"), ("stop it",)).shown()) == Triggers(frozenset("9"), ("stop it",))
