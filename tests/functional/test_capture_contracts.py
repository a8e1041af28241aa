"""Vendors without a contract hear nothing; a kill in the middle; what a system's own key may say."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from capture_system import PATIENCE, System, capture_system
from serving import Server, Talk
from test_capture_systems import SILENT, acknowledged, answers, begin, flags, register, until

from onrecord.evidence.verify import verify

Launch = Callable[..., Server]
GERMAN = {"parties": [{"role": "customer", "jurisdiction": "DE"}]}


@pytest.fixture
def system() -> Iterator[System]:
    with capture_system() as made:
        yield made


@pytest.fixture(scope="module")
def plane(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return launch(tmp_path_factory.mktemp("plane"), *SILENT)


def vendor(*contracts: str, **expires: str) -> dict[str, Any]:
    held = [{"type": name} for name in contracts] + [{"type": n, "expires": e} for n, e in expires.items()]
    return {"vendor": {"name": "Example Ltd", "contracts": held, "sub_processors": ["Example Cloud"]}}


def mine(talk: Talk, name: str) -> int:
    return [s["id"] for s in talk.get()["capture_systems"]].index(name)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def reason(talk: Talk, kind: str = "transcript") -> tuple[str, str]:
    made = talk.get("/decisions")["decisions"][kind]
    return made["verdict"], made["reason"]


@pytest.mark.parametrize(
    ("held", "head", "lacking"),
    [
        ({}, GERMAN, ["dpa"]),
        ({"baa": "2999-01-01"}, GERMAN, ["dpa"]),
        ({"dpa": "2020-01-01"}, GERMAN, ["dpa"]),
        ({}, {"parties": [{"role": "customer", "jurisdiction": "IN"}]}, ["dpa"]),
        ({"dpa": "2999-01-01"}, {"sector": "healthcare"}, ["baa"]),
        ({}, {"sector": "health", **GERMAN}, ["baa", "dpa"]),
    ],
)
def test_a_vendor_without_its_contract_is_never_told_of_the_conversation(
    plane: Server, system: System, held: dict[str, str], head: dict[str, Any], lacking: list[str]
) -> None:
    with plane.client() as client, capture_system() as own:
        names = [register(client, system, **vendor(**held)), register(client, own, kinds=["ai_summary"])]
        talk = begin(client, **head)
        talk.consented(0.0)
        until(talk, lambda shown: shown["acknowledged"], mine(talk, names[1]))
        assert reason(talk) == ("stop", "VENDOR_WITHOUT_CONTRACT")
        assert "VENDOR_WITHOUT_CONTRACT" in flags(talk)
        shown = talk.get()["capture_systems"][mine(talk, names[0])]
        assert (shown["lacking"], shown["command"]) == (lacking, None)
        talk.tell("call_end")
        until(talk, acknowledged("stop"), mine(talk, names[1]))
        assert system.took == []
        assert system.asked == []
        for name in names:
            client.delete(f"/v1/capture-systems/{name}")


def test_a_vendor_with_its_contracts_is_told_and_another_may_make_the_kind(plane: Server, system: System) -> None:
    with plane.client() as client, capture_system() as other:
        names = [register(client, system, **vendor("dpa", "baa")), register(client, other, **vendor())]
        talk = begin(client, sector="hospital", **GERMAN)
        talk.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
        talk.tell("consent", 0.0, result="accepted", method="keypad", prompt_version="p1")
        until(talk, acknowledged("start"), mine(talk, names[0]))
        assert reason(talk)[0] == "capture"
        assert other.took == []
        for name in names:
            client.delete(f"/v1/capture-systems/{name}")


def test_where_somebody_from_elsewhere_joins_the_vendor_is_told_to_stop_and_then_no_more(
    plane: Server, system: System
) -> None:
    with plane.client() as client:
        name = register(client, system, **vendor())
        talk = begin(client)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, name))
        talk.tell("party_join", role="guest", jurisdiction="FR")
        until(talk, acknowledged("stop"), mine(talk, name))
        assert reason(talk)[1] == "VENDOR_WITHOUT_CONTRACT"
        talk.tell("consent", party="guest", result="accepted", method="keypad", prompt_version="p1")
        talk.tell("segment_start", segment="payment", n=1)
        talk.tell("call_end")
        until(talk, acknowledged("stop"), mine(talk, name))
        assert system.actions(talk.id)[-1] == "stop"
        assert len(system.actions(talk.id)) <= 4
        client.delete(f"/v1/capture-systems/{name}")


def test_a_contract_that_ends_in_mid_call_ends_the_capture(plane: Server, system: System) -> None:
    with plane.client() as client:
        soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        name = register(client, system, **vendor(dpa=soon))
        talk = begin(client, **GERMAN)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, name))
        until(talk, lambda shown: shown["lacking"] == ["dpa"] and acknowledged("stop")(shown), mine(talk, name))
        assert reason(talk) == ("stop", "VENDOR_WITHOUT_CONTRACT")
        client.delete(f"/v1/capture-systems/{name}")


def test_while_a_medical_segment_is_open_a_vendor_without_a_baa_is_told_nothing(plane: Server, system: System) -> None:
    with plane.client() as client, capture_system() as trusted:
        names = [
            register(client, system, **vendor("dpa")),
            register(client, trusted, kinds=["ai_summary"], **vendor("dpa", "baa")),
        ]
        talk = begin(client)
        own, other = (mine(talk, name) for name in names)
        until(talk, acknowledged("stop"), own)
        talk.consented(0.0)
        until(talk, acknowledged("start"), own)
        until(talk, acknowledged("start"), other)
        talk.tell("segment_start", segment="medical", n=1)
        until(talk, acknowledged("stop"), own)
        assert reason(talk) == ("stop", "VENDOR_WITHOUT_CONTRACT")
        assert talk.get()["capture_systems"][own]["lacking"] == ["baa"]
        assert "VENDOR_WITHOUT_CONTRACT" in flags(talk)
        talk.tell("segment_consent", segment="medical", n=1, result="accepted", method="verbal")
        until(talk, acknowledged("resume"), other)
        assert system.actions(talk.id) == ["stop", "start", "stop"]
        talk.tell("segment_end", segment="medical", n=1)
        until(talk, acknowledged("start"), own)
        assert reason(talk)[0] == "capture"
        talk.tell("segment_start", segment="payment", n=1)
        until(talk, acknowledged("pause"), own)
        talk.tell("call_end")
        for name in names:
            client.delete(f"/v1/capture-systems/{name}")


def test_a_medical_segment_that_ended_at_an_uncertain_instant_opens_only_after_it(
    plane: Server, system: System
) -> None:
    with plane.client() as client:
        name = register(client, system, **vendor("dpa"))
        talk = begin(client)
        until(talk, acknowledged("stop"), mine(talk, name))
        talk.tell("call_start", 0.0)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, name))
        talk.tell("segment_start", segment="medical", n=1)
        until(talk, acknowledged("stop"), mine(talk, name))
        soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        talk.tell("segment_end", soon, segment="medical", n=1)
        assert talk.get()["capture_systems"][mine(talk, name)]["lacking"] == ["baa"]
        until(talk, acknowledged("start"), mine(talk, name))
        assert reason(talk)[0] == "capture"
        client.delete(f"/v1/capture-systems/{name}")


def test_after_a_kill_a_command_goes_out_again_under_its_id(launch: Launch, tmp_path: Path, system: System) -> None:
    server = launch(tmp_path / "server", *SILENT)
    with server.client() as client:
        name = register(client, system, deadline_s=30)
        talk = begin(client)
        talk.consented(0.0)
        until(talk, acknowledged("start"))
        system.turn("obeys_not")
        talk.tell("opt_out")
        system.until(lambda s: len(s.actions(talk.id)) == 3)
        server.kill()
    stop = list(system.commands(talk.id))[-1]
    count = sum(1 for each, _ in system.took if each == stop)
    system.turn("honest")
    again = launch(tmp_path / "server", *SILENT)
    with again.client() as client:
        later = Talk(client, talk.id, "")
        until(later, acknowledged("stop"))
        assert sum(1 for each, _ in system.took if each == stop) > count
        assert list(system.commands(talk.id))[-1] == stop
        assert [a["action"] for a in answers(later, name) if a["acknowledged"]][-1] == "stop"
        later.tell("opt_in")
        until(later, acknowledged("start"))
        assert again.stop() == 0
    assert system.states[talk.id]["states"] == {"transcript": "paused"}, "nobody could stop it while the server is away"


def test_after_a_kill_what_captured_is_paused_until_somebody_speaks(
    launch: Launch, tmp_path: Path, system: System
) -> None:
    server = launch(tmp_path / "server", *SILENT)
    with server.client() as client:
        register(client, system)
        talk = begin(client)
        talk.consented(0.0)
        until(talk, acknowledged("start"))
        server.kill()
    again = launch(tmp_path / "server", *SILENT)
    with again.client() as client:
        later = Talk(client, talk.id, "")
        until(later, acknowledged("pause"))
        later.tell("opt_in")
        until(later, acknowledged("resume"))
        assert system.actions(talk.id) == ["stop", "start", "pause", "resume"]


def test_commands_that_nobody_took_are_collapsed_to_the_newest(plane: Server, system: System) -> None:
    with plane.client() as client:
        name = register(client, system, deadline_s=60)
        talk = begin(client)
        until(talk, acknowledged("stop"), mine(talk, name))
        system.turn("hangs")
        talk.consented(0.0)
        system.until(lambda s: len(s.actions(talk.id)) == 2)
        for n in range(1, 6):
            talk.tell("segment_start", segment="payment", n=n)
            talk.tell("segment_end", segment="payment", n=n)
        talk.tell("opt_out")
        system.turn("honest")
        until(talk, acknowledged("stop"), mine(talk, name))
        assert len(system.actions(talk.id)) <= 4, system.actions(talk.id)
        assert system.actions(talk.id)[-1] == "stop"
        client.delete(f"/v1/capture-systems/{name}")


def test_a_key_of_a_system_says_what_the_system_makes_and_no_more(plane: Server, system: System) -> None:
    with plane.client() as client:
        name = register(client, system, kinds=["transcript", "ai_summary"])
        body = {"source": "capture_system", "system": name, "scopes": ["events:write", "artifacts:write"]}
        made = client.post("/v1/keys", json=body).json()
        assert made["system"] == name
        for wrong in (
            {**body, "source": "any"},
            {**body, "scopes": ["record:read"]},
            {**body, "system": "sys_" + "0" * 32},
        ):
            assert client.post("/v1/keys", json=wrong).status_code in {400, 404}
        talk = begin(client)
        with plane.client(made["key"]) as own:
            said = Talk(own, talk.id, "")
            talk.consented(0.0)
            words = [{"w": "hello", "s": 1.0, "e": 1.4}]
            stored = own.post(f"{said.path}/artifacts", json={"kind": "transcript", "words": words})
            assert stored.status_code == 201, stored.text
            for event in (
                {"type": "capture_report", "kinds": ["audio_recording"], "state": "stopped"},
                {"type": "capture_ack", "kinds": ["transcript"]},
                {"type": "opt_out"},
                {"type": "consent", "result": "accepted", "prompt_version": "p1"},
            ):
                answer = said.post(event)
                assert (answer.status_code, answer.json()["code"]) == (403, "source_not_entitled"), event
            other = own.post(f"{said.path}/artifacts", json={"kind": "qa_score", "content": "x", "start": 0, "end": 1})
            assert (other.status_code, other.json()["code"]) == (403, "forbidden")
            said.tell("capture_report", 1.0, kinds=["transcript"], state="capturing")
            assert "CAPTURED_AFTER_STOP" not in flags(talk)
            talk.tell("opt_out", 5.0)
            late = own.post(
                f"{said.path}/artifacts",
                json={"kind": "transcript", "words": [{"w": "secret", "s": 7.0, "e": 7.5}]},
            )
            assert (late.status_code, late.json()["code"]) == (409, "verdict_closed")
            said.tell("capture_report", 8.0, kinds=["transcript"], state="capturing")
            wait_for(lambda: flags(talk).count("CAPTURED_AFTER_STOP") == 2)
            client.delete(f"/v1/capture-systems/{name}")
            assert said.post({"type": "capture_report", "kinds": ["transcript"]}).status_code == 401


def test_of_a_vendor_without_its_contract_nothing_is_taken(plane: Server, system: System) -> None:
    with plane.client() as client, capture_system() as other:
        names = [register(client, system, **vendor()), register(client, other, **vendor("dpa"))]
        body = {"source": "capture_system", "system": names[0], "scopes": ["events:write", "artifacts:write"]}
        key = client.post("/v1/keys", json=body).json()["key"]
        talk = begin(client, **GERMAN)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, names[1]))
        with plane.client(key) as own:
            words = [{"w": "hello", "s": 1.0, "e": 1.4}]
            answer = own.post(f"{talk.path}/artifacts", json={"kind": "transcript", "words": words})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            report = {"type": "capture_report", "kinds": ["transcript"], "state": "capturing"}
            assert own.post(f"{talk.path}/events", json=report).status_code == 403
        wait_for(lambda: "CAPTURED_AFTER_STOP" in flags(talk))
        for name in names:
            client.delete(f"/v1/capture-systems/{name}")


def test_the_operator_sees_what_does_not_follow(launch: Launch, tmp_path: Path, system: System) -> None:
    with launch(tmp_path / "server", *SILENT).client() as client:
        name = register(client, system)
        talk = begin(client)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, name))
        assert seen(client)["onrecord_outbox_waiting"] == 0.0
        system.turn("refuses")
        talk.tell("opt_out")
        wait_for(lambda: seen(client)['onrecord_alarms_active{alarm="COMMAND_NOT_FOLLOWED"}'] == 1.0)
        shown = seen(client)
        assert shown["onrecord_outbox_waiting"] == 1.0
        assert shown["onrecord_outbox_oldest_seconds"] > 0.3
        assert shown['onrecord_deliveries_total{result="control_refused"}'] > 0
        system.turn("honest")
        wait_for(lambda: seen(client)['onrecord_alarms_active{alarm="COMMAND_NOT_FOLLOWED"}'] == 0.0)


def seen(client: Any) -> dict[str, float]:
    """The metrics of one value."""
    lines = [line.rpartition(" ") for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_two_systems_of_a_kind_acknowledge_its_stop_together(plane: Server, system: System) -> None:
    policy = {"capture_acks": "required", "stop_ack_timeout_s": 1}
    with plane.client() as client, capture_system() as deaf:
        names = [register(client, system, deadline_s=60), register(client, deaf, deadline_s=60)]
        talk = begin(client, policy=policy, artifacts_enabled=["transcript"])
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, names[0]))
        until(talk, acknowledged("start"), mine(talk, names[1]))
        deaf.turn("obeys_not")
        told = talk.tell("opt_out")
        until(talk, acknowledged("stop"), mine(talk, names[0]))
        since = told["decisions"]["transcript"]["since"]
        seen = talk.get("/decisions", as_of=since + 1000)["flags"]
        assert "STOP_NOT_ACKNOWLEDGED" in {flag["flag"] for flag in seen}
        for name in names:
            client.delete(f"/v1/capture-systems/{name}")


def test_an_acknowledged_stop_satisfies_the_policy(plane: Server, system: System) -> None:
    policy = {"capture_acks": "required", "stop_ack_timeout_s": 100}
    with plane.client() as client:
        name = register(client, system, kinds=["transcript", "ai_summary"], deadline_s=60)
        talk = begin(client, policy=policy, artifacts_enabled=["transcript", "ai_summary"])
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, name))
        talk.tell("opt_out")
        until(talk, acknowledged("stop"), mine(talk, name))
        seen = talk.get("/decisions", as_of=10_000)["flags"]
        assert "STOP_NOT_ACKNOWLEDGED" not in {flag["flag"] for flag in seen}
        client.delete(f"/v1/capture-systems/{name}")


def test_the_evidence_says_what_each_system_was_told_and_under_which_contracts(
    plane: Server, system: System, tmp_path: Path
) -> None:
    with plane.client() as client, capture_system() as barred:
        names = [
            register(client, system, name="our recorder", **vendor(dpa="2999-01-01")),
            register(client, barred, name="no contract", kinds=["ai_summary"], **vendor()),
        ]
        talk = begin(client, **GERMAN)
        until(talk, acknowledged("stop"), mine(talk, names[0]))
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, names[0]))
        talk.tell("call_end")
        until(talk, acknowledged("stop"), mine(talk, names[0]))
        assert client.post(f"{talk.path}/seal").status_code == 200
        pack = client.get(f"{talk.path}/evidence").content
        report = verify(pack)
        assert report.ok, report.first_failure
        with zipfile.ZipFile(io.BytesIO(pack)) as archive:
            evidence = json.loads(archive.read("evidence.json"))
            summary = archive.read("summary.html").decode()
        told = {entry["system"]: entry for entry in evidence["capture_systems"]}
        ours, theirs = told[names[0]], told[names[1]]
        assert ours["vendor"]["contracts"] == [{"type": "dpa", "expires": "2999-01-01T00:00:00.000000Z"}]
        assert [(c["action"], c["acknowledged"]) for c in ours["commands"]] == [
            ("stop", True),
            ("start", True),
            ("stop", True),
        ]
        assert (theirs["lacking"], theirs["commands"]) == (["dpa"], [])
        assert "capture_system_acknowledgements" not in {each["item"] for each in evidence["missing"]}
        assert "our recorder" in summary
        assert "told nothing for want of DPA" in summary
        assert secrets_of(system) not in repr(evidence)
        for name in names:
            client.delete(f"/v1/capture-systems/{name}")


def secrets_of(system: System) -> str:
    return system.secret.removeprefix("whsec_")


def test_a_system_that_is_removed_is_told_to_stop_and_then_no_more(plane: Server, system: System) -> None:
    with plane.client() as client:
        name = register(client, system)
        talk = begin(client)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, name))
        assert client.delete(f"/v1/capture-systems/{name}").status_code == 204
        until(talk, acknowledged("stop"), mine(talk, name))
        assert client.get(f"/v1/capture-systems/{name}").status_code == 404
        assert name not in {each["id"] for each in client.get("/v1/capture-systems").json()["capture_systems"]}
        count = len(system.actions(talk.id))
        talk.tell("segment_start", segment="payment", n=1)
        talk.tell("segment_end", segment="payment", n=1)
        later = begin(client)
        assert name not in {each["id"] for each in later.get()["capture_systems"]}
        assert len(system.actions(talk.id)) == count


def test_an_opening_that_is_known_by_half_a_second_is_told_when_it_counts(plane: Server, system: System) -> None:
    """An instant in RFC 3339 is uncertain: what opens sets in at the late edge, without another event."""
    with plane.client() as client:
        name = register(client, system)
        talk = begin(client)
        talk.tell("call_start")
        talk.tell("prompt_delivered", prompt_version="p1", channel="ivr")
        soon = (datetime.now(UTC) + timedelta(seconds=0.8)).isoformat()
        talk.tell("consent", soon, result="accepted", method="keypad", prompt_version="p1")
        until(talk, acknowledged("start"), mine(talk, name))
        assert system.actions(talk.id) == ["stop", "start"]
        client.delete(f"/v1/capture-systems/{name}")


def test_what_is_acknowledged_after_the_seal_stands_behind_it(plane: Server, system: System) -> None:
    with plane.client() as client:
        name = register(client, system, deadline_s=60)
        talk = begin(client)
        talk.consented(0.0)
        until(talk, acknowledged("start"), mine(talk, name))
        system.turn("refuses")
        talk.tell("call_end")
        system.until(lambda s: s.actions(talk.id)[-1] == "stop")
        sealed = client.post(f"{talk.path}/seal").json()
        system.turn("honest")
        until(talk, acknowledged("stop"), mine(talk, name))
        report = verify(client.get(f"{talk.path}/evidence").content)
        assert report.ok, report.first_failure
        assert client.post(f"{talk.path}/seal").json() == sealed
        client.delete(f"/v1/capture-systems/{name}")
