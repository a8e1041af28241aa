"""Current versions of registered prompts: a consent is stale where its own prompt has moved on, and nowhere else."""

from importlib import resources
from typing import Any

import pytest

from onrecord.base.clock import parse_rfc3339
from onrecord.policy.facts import Fact, Head, Party
from onrecord.policy.kernel import Timeline
from onrecord.policy.kinds import Kind
from onrecord.policy.pack import parse
from onrecord.policy.policy import compile_policy
from onrecord.policy.purposes import ConsentState, Purpose

AUDIO = Kind.AUDIO_RECORDING
PACK = parse((resources.files("onrecord.policy") / "packs" / "eu-gdpr.yaml").read_bytes())


def told(*said: tuple[str, float, dict[str, Any]], current: tuple[str, ...] = ()) -> Timeline:
    head = Head(parties=(Party("customer", "IE"),), artifacts_enabled=frozenset({AUDIO}), prompts=current)
    facts = [Fact(f"e{n}", kind, t, t, data) for n, (kind, t, data) in enumerate(said)]
    return Timeline(compile_policy([PACK], head), head).with_facts(facts)


def agreed(version: str, t: float = 2.0) -> list[tuple[str, float, dict[str, Any]]]:
    return [
        ("prompt_delivered", t - 1, {"prompt_version": version}),
        ("consent", t, {"result": "accepted", "method": "verbal", "prompt_version": version}),
    ]


def changed(to: object, t: float = 5.0) -> tuple[str, float, dict[str, Any]]:
    return ("prompt_version_changed", t, {"to": to})


@pytest.mark.parametrize(
    ("current", "version", "reason"),
    [
        ((), "notice@1", "CONSENT_GIVEN"),
        (("notice@1",), "notice@1", "CONSENT_GIVEN"),
        (("notice@2",), "notice@1", "CONSENT_STALE"),
        (("other@2", "notice@1"), "notice@1", "CONSENT_GIVEN"),
        (("other@2",), "notice@1", "CONSENT_GIVEN"),
        (("other@2",), "p1", "CONSENT_GIVEN"),
    ],
)
def test_what_was_current_at_admission(current: tuple[str, ...], version: str, reason: str) -> None:
    assert told(*agreed(version), current=current).decision(AUDIO, 3.0).reason == reason


@pytest.mark.parametrize(
    ("version", "to", "reason"),
    [
        ("notice@1", "notice@2", "CONSENT_STALE"),
        ("notice@1", "training@2", "CONSENT_GIVEN"),
        ("notice@1", "p2", "CONSENT_GIVEN"),
        ("p1", "p2", "CONSENT_STALE"),
        ("p1", "notice@2", "CONSENT_GIVEN"),
        ("notice@1", 7, "CONSENT_STALE"),
    ],
)
def test_a_change_is_of_its_own_prompt(version: str, to: object, reason: str) -> None:
    made = told(*agreed(version), changed(to), current=("notice@1",))
    assert made.decision(AUDIO, 6.0).reason == reason
    assert made.decision(AUDIO, 4.0).reason == "CONSENT_GIVEN"


def test_each_prompt_moves_on_by_itself() -> None:
    made = told(*agreed("notice@1"), changed("notice@2", 5.0), changed("other@9", 6.0), *agreed("notice@2", 9.0))
    assert made.decision(AUDIO, 7.0).reason == "CONSENT_STALE"
    assert made.decision(AUDIO, 10.0).verdict.word == "capture"
    assert made.consents(7.0)["customer"][Purpose.RECORDING] is ConsentState.STALE


def test_a_kept_consent_ends_at_its_instant_however_late_the_clock_begins() -> None:
    """Until then it is counted in seconds from the admission."""
    admitted = parse_rfc3339("2026-03-01T10:00:00Z")
    kept = {"result": "accepted", "method": "stored_profile", "expires": 600.0, "expires_at": "2026-03-01T10:10:00Z"}
    made = told(("consent", 0.0, kept))
    later = made.begun(admitted + 300 * 10**9)
    for timeline, end in ((made, 600.0), (later, 300.0)):
        assert timeline.decision(AUDIO, end - 1).verdict.word == "capture"
        assert timeline.decision(AUDIO, end).reason == "CONSENT_EXPIRED"
