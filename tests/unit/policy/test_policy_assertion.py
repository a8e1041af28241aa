import pytest

from onrecord.interaction.events import ABOUT_NOBODY
from onrecord.policy.assertion import CLIENT_TYPES, OPENING_TYPES, Source, closes, entitled, opens, parse_event
from onrecord.policy.errors import InvalidEventError

README = {
    "call_start": {},
    "call_end": {},
    "prompt_delivered": {"prompt_version": "p1", "channel": "ivr", "to": "third_party"},
    "consent": {
        "result": "accepted",
        "method": "keypad",
        "prompt_version": "p1",
        "party": "customer",
        "scope": ["recording", "video", "training"],
    },
    "prompt_version_changed": {"to": "p2"},
    "transfer": {"from": "bot", "to": "agent", "carries_consent": True},
    "party_join": {"role": "third_party", "jurisdiction": "US-WA"},
    "jurisdiction_update": {"party": "customer", "jurisdiction": "DE"},
    "segment_start": {"segment": "payment", "n": 1},
    "segment_end": {"segment": "payment", "n": 1},
    "segment_consent": {"segment": "medical", "result": "accepted", "method": "verbal"},
    "opt_out": {"method": "verbal", "reason_code": "privacy", "kinds": ["sentiment"]},
    "opt_in": {"method": "verbal", "kinds": ["sentiment"]},
    "consent_withdrawn": {"method": "email", "scope": ["training"]},
    "erasure_request": {"method": "email"},
    "workflow": {"recorded": True},
    "bypass": {"by": "agent", "action": "start_recording", "kinds": ["audio_recording"]},
    "capture_ack": {"action": "stop", "kinds": ["audio_recording"]},
    "capture_report": {"kinds": ["audio_recording"], "state": "capturing"},
}
CLOSINGS = [
    ("opt_out", {}),
    ("consent_withdrawn", {}),
    ("erasure_request", {}),
    ("segment_start", {"segment": "payment"}),
    ("consent", {"result": "declined"}),
    ("segment_consent", {"result": "declined"}),
    ("call_end", {}),
    ("party_join", {"role": "spouse"}),
    ("workflow", {"recorded": False}),
    ("transfer", {"carries_consent": False}),
    ("capture_report", {}),
    ("bypass", {}),
    ("objection", {"scope": ["recording"]}),
]


def test_the_types_are_those_of_the_readme_and_an_objection():
    assert {*README, "objection"} == CLIENT_TYPES


@pytest.mark.parametrize("kind", sorted(README))
def test_the_fields_of_the_readme_pass(kind):
    assert parse_event(kind, README[kind]) == README[kind]


OUTSIDE = {Source.CRM, Source.CAPTURE_SYSTEM}


@pytest.mark.parametrize("source", sorted(set(Source) - OUTSIDE))
@pytest.mark.parametrize(("kind", "data"), CLOSINGS)
def test_closings_are_free_to_all_in_the_conversation(source, kind, data):
    assert entitled(source, kind, data)
    assert closes(kind, data)
    assert not opens(kind, data)


@pytest.mark.parametrize(
    ("source", "own"),
    [
        (
            "crm",
            {"opt_out", "consent_withdrawn", "objection", "erasure_request", "consent declined", "consent stored"}
            | {"jurisdiction_update"},
        ),
        ("capture_system", {"capture_ack", "capture_report", "bypass"}),
    ],
)
def test_who_is_outside_says_only_what_is_its_own(source, own):
    everything = {**README, **{f"{kind} {n}": data for n, (kind, data) in enumerate(CLOSINGS)}}
    everything["objection"] = {}
    everything["consent declined"] = {"result": "declined"}
    everything["consent unanswered"] = {"result": "no_response"}
    everything["consent stored"] = {"result": "accepted", "method": "stored_profile"}
    allowed = {name for name, data in everything.items() if entitled(source, name.partition(" ")[0], data)}
    numbered = {f"{kind} {n}" for n, (kind, data) in enumerate(CLOSINGS) if kind in own}
    numbered |= {"consent 4"} if "consent declined" in own else set()
    assert allowed == own | numbered


@pytest.mark.parametrize("kind", sorted(OPENING_TYPES))
def test_every_opening_is_denied_to_somebody_and_allowed_to_somebody(kind):
    allowed = {source for source in Source if entitled(source, kind, README[kind])}
    assert allowed
    assert allowed != set(Source)
    assert opens(kind, README[kind])
    assert not entitled("neighbour", kind, README[kind])


@pytest.mark.parametrize(
    ("source", "kind", "data", "right"),
    [
        ("agent", "workflow", {"recorded": True}, False),
        ("compliance", "workflow", {"recorded": True}, True),
        ("customer", "segment_end", {"segment": "payment"}, False),
        ("payment", "segment_end", {"segment": "payment"}, True),
        ("capture_system", "consent", {"result": "accepted"}, False),
        ("capture_system", "capture_ack", {}, True),
        ("agent", "capture_ack", {}, False),
        ("crm", "consent", {"result": "accepted", "method": "stored_profile"}, True),
        ("crm", "consent", {"result": "accepted", "method": "verbal"}, False),
        ("agent", "consent", {"result": "accepted", "method": "stored_profile"}, False),
        ("agent", "consent", {"result": "implied", "method": "continued"}, True),
        ("agent", "jurisdiction_update", {"jurisdiction": "US-NY"}, False),
        ("agent", "transfer", {"carries_consent": True}, False),
        ("telephony", "transfer", {"carries_consent": True}, True),
        ("agent", "prompt_version_changed", {"to": "p2"}, False),
        ("agent", "nonsense", {}, False),
        ("neighbour", "opt_out", {}, False),
        ("customer", "call_start", {}, True),
    ],
)
def test_who_may_say_what(source, kind, data, right):
    assert entitled(source, kind, data) is right


class Narrow:
    def asserters(self, fact_type):
        return frozenset({Source.COMPLIANCE, Source.CUSTOMER}) if fact_type == "workflow" else None


def test_a_policy_narrows_and_never_widens():
    assert entitled("compliance", "workflow", {"recorded": True}, Narrow())
    assert not entitled("platform", "workflow", {"recorded": True}, Narrow())
    assert not entitled("customer", "workflow", {"recorded": True}, Narrow())
    assert entitled("platform", "workflow", {"recorded": False}, Narrow())
    assert entitled("agent", "opt_in", {}, Narrow())


def test_what_may_do_either_closes_too():
    assert closes("jurisdiction_update", {})
    assert closes("prompt_version_changed", {})
    assert not closes("call_start", {})
    assert not closes("consent", {"result": "no_response"})
    assert not closes("nonsense", {})


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        ("consent", {}, "result"),
        ("consent", {"result": "perhaps"}, "result"),
        ("consent", {"result": ["accepted"]}, "result"),
        ("consent", {"result": "accepted", "method": "telepathy"}, "method"),
        ("consent", {"result": "accepted", "scope": "recording"}, "scope"),
        ("consent", {"result": "accepted", "scope": ["everything"]}, "scope"),
        ("consent", {"result": "accepted", "offset": float("nan")}, "offset"),
        ("consent", {"result": "accepted", "grade": "shouted"}, "grade"),
        ("transfer", {"from": "bot", "to": "agent"}, "carries_consent"),
        ("transfer", {"carries_consent": "yes"}, "carries_consent"),
        ("segment_start", {"segment": "payment", "n": True}, "n"),
        ("segment_start", {"segment": ""}, "segment"),
        ("segment_start", {"segment": "x" * 300}, "segment"),
        ("opt_in", {"kinds": ["mood"]}, "kinds"),
        ("opt_out", {"kinds": "all"}, "kinds"),
        ("prompt_delivered", {"prompt_version": "p 1"}, "prompt_version"),
        ("consent", {"result": "accepted", "prompt_version": "p1\n"}, "prompt_version"),
        ("consent", {"result": "accepted", "prompt_id": "wanda@quill.example"}, "prompt_id"),
        ("consent", {"result": "accepted", "language": "plain English"}, "language"),
        ("prompt_version_changed", {"to": "p" * 129}, "to"),
        ("party_join", {"role": "Wanda Quill"}, "role"),
        ("party_join", {"role": "spouse", "jurisdiction": "at home"}, "jurisdiction"),
        ("jurisdiction_update", {"jurisdiction": "\u00e9"}, "jurisdiction"),
        ("capture_ack", {"kinds": ["Wanda Quill"]}, "kinds"),
        ("capture_ack", {"kinds": [], "action": "called Wanda"}, "action"),
        ("capture_report", {"kinds": [], "state": "Wanda"}, "state"),
        ("workflow", {"recorded": "Wanda"}, "recorded"),
        ("workflow", {"recorded": 1}, "recorded"),
    ],
)
def test_a_wrong_field_is_named(kind, data, named):
    with pytest.raises(InvalidEventError) as caught:
        parse_event(kind, data)
    assert caught.value.code == "invalid_event"
    assert f"`{named}`" in caught.value.message
    assert "anda" not in caught.value.message


def test_an_unknown_field_and_an_unknown_type_are_refused_without_their_names():
    for kind, data in (("opt_out", {"secret": 1}), ("secret", {})):
        with pytest.raises(InvalidEventError) as caught:
            parse_event(kind, data)
        assert "secret" not in caught.value.message


def test_closings_take_what_the_kernel_will_take_for_everything():
    assert parse_event("opt_out", {"kinds": ["mood"]}) == {"kinds": ["mood"]}
    assert parse_event("consent_withdrawn", {"scope": ["all of it"]}) == {"scope": ["all of it"]}


@pytest.mark.parametrize("word", ["p1", "rec_notice", "v2026.11/en-GB:a", "0", "x" * 128])
def test_words_that_programs_exchange_pass(word):
    assert parse_event("prompt_version_changed", {"to": word}) == {"to": word}
    assert parse_event("transfer", {"carries_consent": True, "to": word})["to"] == word
    assert parse_event("opt_out", {"reason_code": word}) == {"reason_code": word}


@pytest.mark.parametrize("kind", sorted(CLIENT_TYPES & ABOUT_NOBODY))
@pytest.mark.parametrize("free", ["Wanda Quill", "wanda@quill.example", "w,q"])
def test_no_free_word_enters_what_is_sealed_under_nobody(kind, free):
    for name in {*README[kind], "method", "party", "reason_code"}:
        for value in (free, [free], {free: free}):
            with pytest.raises(InvalidEventError):
                parse_event(kind, {**README[kind], name: value})
