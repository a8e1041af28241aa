"""Recordings that Twilio makes itself, commanded over its REST API: the server is real, Twilio is played."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Server, Talk
from twilio_api import ACCOUNT, CALL, RECORDING, TOKEN, FakeTwilio, twilio

from onrecord.evidence.verify import verify

HEAD = {"sector": "bank", "parties": [{"role": "customer", "jurisdiction": "IE"}]}
PATIENCE = 30


@pytest.fixture
def fake() -> Iterator[FakeTwilio]:
    with twilio() as played:
        yield played


Launch = Callable[..., Server]
Commanded = Callable[[], tuple[Server, Talk]]


@pytest.fixture
def options(fake: FakeTwilio, tmp_path: Path) -> list[str]:
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    given = ["--twilio-account-sid", ACCOUNT, "--twilio-auth-token-file", str(secret), "--twilio-api", fake.origin]
    return [*given, "--command-deadline", "0.2"]


@pytest.fixture
def started(launch: Launch, options: list[str], tmp_path: Path) -> Iterator[Commanded]:
    with contextlib.ExitStack() as stack:

        def begin() -> tuple[Server, Talk]:
            server = launch(tmp_path / "server", *options)
            client = stack.enter_context(server.client())
            made = client.post("/v1/interactions", json=HEAD).json()
            return server, Talk(client, made["id"], made["stream_token"])

        yield begin


def register(talk: Talk, **fields: Any) -> str:
    answer = talk.client.post(
        f"{talk.path}/platform-recordings", json={"platform": "twilio", "call_sid": CALL, **fields}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def until(talk: Talk, **wanted: Any) -> dict[str, Any]:
    """The one platform recording, once it shows what is wanted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        (shown,) = talk.get()["platform_recordings"]
        if all(shown[name] == value for name, value in wanted.items()):
            return dict(shown)
        assert time.monotonic() < deadline, shown
        time.sleep(0.02)


def flags(talk: Talk) -> list[str]:
    return [flag["flag"] for flag in talk.get()["flags"] if flag["flag"] == "COMMAND_NOT_FOLLOWED"]


def test_it_is_paused_before_consent_resumed_with_it_and_stopped_with_the_call(
    started: Commanded, fake: FakeTwilio
) -> None:
    _, talk = started()
    talk.tell("call_start", 0.0)
    register(talk)
    until(talk, wish="pause", status="paused", followed=True)
    talk.consented(0.0)
    until(talk, wish="record", status="recording", followed=True)
    talk.tell("segment_start", segment="payment", n=1)
    until(talk, wish="pause", status="paused", followed=True)
    talk.tell("segment_end", segment="payment", n=1)
    until(talk, wish="record", status="recording", followed=True)
    talk.tell("call_end")
    until(talk, wish="stop", status="ended", followed=True)
    orders = fake.orders()
    assert orders[:4] == ["paused", "in-progress", "paused", "in-progress"]
    assert orders[4:] in (["stopped"], ["paused", "stopped"]), "a closing acts before it is on record what it was"
    pauses = [form for method, _, form in fake.asked if form.get("Status") == "paused"]
    assert all(form["PauseBehavior"] == "silence" for form in pauses)
    reads = [path for method, path, _ in fake.asked if method == "GET"]
    assert len(reads) >= 5
    assert flags(talk) == []


def test_a_platform_that_says_200_and_goes_on_is_flagged_once_and_told_again(
    started: Commanded, fake: FakeTwilio
) -> None:
    _, talk = started()
    talk.consented(0.0)
    register(talk)
    until(talk, wish="record", followed=True)
    fake.turn(obeys=False)
    talk.tell("opt_out")
    until(talk, followed=False, status="recording")
    assert flags(talk) == ["COMMAND_NOT_FOLLOWED"]
    count = len(fake.orders())
    fake.until(lambda it: len(it.orders()) >= count + 2)
    fake.turn(obeys=True)
    shown = until(talk, followed=True)
    assert shown["status"] in {"paused", "ended"}
    assert flags(talk) == ["COMMAND_NOT_FOLLOWED"], "a late acknowledgement does not clear it"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"refuses": 500}, "control_refused"),
        ({"refuses": 401}, "control_refused"),
        ({"redirects": True}, "control_redirected"),
    ],
)
def test_a_platform_that_does_not_answer_as_it_should_is_flagged(
    started: Commanded, fake: FakeTwilio, fields: dict[str, Any], code: str
) -> None:
    _, talk = started()
    fake.turn(**fields)
    register(talk, recording_sid=RECORDING)
    shown = until(talk, followed=False)
    assert (shown["status"], shown["code"]) == (None, code)
    assert flags(talk) == ["COMMAND_NOT_FOLLOWED"]
    assert not any(path == "/elsewhere" for _, path, _ in fake.asked), "a redirect was followed"


def test_what_another_paused_is_not_told_to_record(started: Commanded, fake: FakeTwilio) -> None:
    _, talk = started()
    talk.consented(0.0)
    fake.turn(status="paused")
    register(talk)
    until(talk, wish="record", status="paused", followed=False)
    assert fake.orders() == []


def test_after_a_kill_it_is_paused_until_somebody_speaks_again(
    started: Commanded, launch: Launch, options: list[str], fake: FakeTwilio, tmp_path: Path
) -> None:
    server, talk = started()
    talk.consented(0.0)
    register(talk)
    until(talk, wish="record", status="recording", followed=True)
    server.kill()
    again = launch(tmp_path / "server", *options)
    with again.client() as client:
        later = Talk(client, talk.id, "")
        until(later, wish="pause", status="paused", followed=True)
        later.tell("opt_in")
        until(later, wish="record", status="recording", followed=True)
    assert again.stop() == 0
    assert fake.status == "paused", "nobody could stop it while the server is away"


def test_the_evidence_says_what_was_commanded_and_what_came_of_it(started: Commanded, tmp_path: Path) -> None:
    _, talk = started()
    talk.consented(0.0)
    name = register(talk)
    until(talk, wish="record", followed=True)
    talk.tell("call_end")
    until(talk, wish="stop", followed=True)
    assert talk.client.post(f"{talk.path}/seal").status_code == 200
    pack = tmp_path / "pack.zip"
    pack.write_bytes(talk.client.get(f"{talk.path}/evidence").content)
    report = verify(pack.read_bytes())
    assert report.ok, report.first_failure
    told = [event for event in talk.get("/timeline")["events"] if event["type"].startswith(("recording_c", "command_"))]
    assert [event["type"] for event in told][:2] == ["recording_commanded", "command_answered"]
    assert told[-1]["data"]["wish"] == "stop"
    assert {event["data"]["recording"] for event in told} == {name}


def test_told_twice_it_is_one_and_wrong_names_are_refused(started: Commanded) -> None:
    server, talk = started()
    name = register(talk)
    path = f"{talk.path}/platform-recordings"
    again = talk.client.post(path, json={"platform": "twilio", "call_sid": CALL})
    assert (again.status_code, again.json()["id"]) == (200, name)
    for body in (
        {"platform": "twilio"},
        {"platform": "twilio", "call_sid": "CA1/../../x"},
        {"platform": "twilio", "call_sid": CALL, "recording_sid": "Twilio.CURRENT"},
        {"platform": "zorp", "call_sid": CALL},
        {"call_sid": CALL},
    ):
        answer = talk.client.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), body
    assert CALL not in server.log.read_text()


def test_without_access_it_is_refused(server: Server, begin: Callable[..., Talk]) -> None:
    answer = begin().client.post(f"{begin().path}/platform-recordings", json={"platform": "twilio", "call_sid": CALL})
    assert (answer.status_code, answer.json()["code"]) == (422, "platform_unknown")
