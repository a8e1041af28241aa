"""What an operator sees of a real server: health, readiness, metrics, alarms, and the lines of its log."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from machine import Call, Machine, compiled
from media_client import RATE, Neutral, Twilio, seal, sound, until
from prometheus_client.parser import text_string_to_metric_families
from serving import Server, Talk

from onrecord.entrypoints.api.routes import ROUTES
from onrecord.interaction.events import Internal
from onrecord.policy.assertion import CLIENT_TYPES
from onrecord.workflow import subscriptions
from onrecord.workflow.alarms import Alarm
from onrecord.workflow.health import Trouble
from onrecord.workflow.measures import FATES
from onrecord.workflow.outbox_lane import RESULTS

Launch = Callable[..., Server]
SMALL = ("--alarm-gap=0.4", "--alarm-unwanted=0.4", "--alarm-closed=0.4")
CLOSED_LISTS = {
    "fate": set(FATES),
    "code": {trouble.value for trouble in Trouble},
    "alarm": set(Alarm),
    "type": set(Internal) | CLIENT_TYPES,
    "operation": {route.operation for route in ROUTES} | {"none"},
    "status": {"2xx", "3xx", "4xx", "5xx"},
    "result": {*RESULTS, *subscriptions.RESULTS},
    "door": {"twilio", "exotel", "stream", "audiohook"},
}
FREE = {"le", "version", "flag"}


def metrics(client: httpx.Client) -> dict[tuple[str, str], float]:
    """By name and the value of its label; of histograms the count and the sum alone."""
    response = client.get("/metrics")
    assert response.status_code == 200, response.text
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            if not sample.name.endswith("_bucket"):
                found[sample.name, ",".join(sample.labels.values())] = sample.value
            for label, value in sample.labels.items():
                assert label in FREE or value in CLOSED_LISTS[label], (sample.name, label, value)
    return found


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def watched(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Alarms after a moment."""
    return launch(tmp_path_factory.mktemp("watched"), *SMALL)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    folder = tmp_path_factory.mktemp("machine")
    return Machine(compiled(folder), folder)


@pytest.fixture
def operator(watched: Server) -> Any:
    with watched.client() as client:
        yield client


def called(client: httpx.Client) -> Talk:
    made = client.post("/v1/interactions", json={"parties": [{"role": "customer", "jurisdiction": "US-CA"}]}).json()
    return Talk(client, made["id"], made["stream_token"])


def test_health_and_readiness_need_no_key_and_say_little(watched: Server) -> None:
    alive, ready = httpx.get(watched.api + "/healthz"), httpx.get(watched.api + "/readyz")
    assert (alive.status_code, alive.json()) == (200, {"ok": True})
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "troubles": []})
    assert "server" not in {name.lower() for name in ready.headers}


def test_metrics_need_a_scope_of_their_own(watched: Server, operator: httpx.Client) -> None:
    assert httpx.get(watched.api + "/metrics").status_code == 401
    key = operator.post("/v1/keys", json={"source": "platform", "scopes": ["metrics:read"]}).json()["key"]
    with watched.client(key) as scraper:
        assert scraper.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
        assert scraper.get("/v1/keys").status_code == 403


def test_a_call_is_counted(server: Server, client: httpx.Client) -> None:
    before = metrics(client)
    talk = called(client).consented(0.0)
    with Neutral(server, token=talk.stream_token, offset=0).start(("customer", "mulaw", RATE)) as media:
        media.frame(0, 0, sound(12.0))
        media.taken()
        live = "onrecord_streams_live", "stream"
        assert metrics(client)[live] == before.get(live, 0) + 1
        talk.tell("opt_out", 6.0, method="verbal", reason_code="asked")
        talk.tell("opt_out", 6.0, method="verbal", reason_code="asked", event_id="again")
        media.stop()
    talk.tell("call_end", 12.0)
    seal(talk)
    now = metrics(client)
    grown = {key: value - before.get(key, 0.0) for key, value in now.items()}
    assert grown["onrecord_frames_total", "received"] == 600
    assert grown["onrecord_frames_total", "written"] + grown["onrecord_frames_total", "silenced_policy"] == 600
    assert grown["onrecord_frames_total", "silenced_policy"] + grown["onrecord_frames_total", "purged"] == 300
    assert grown["onrecord_frames_total", "lost"] == 0
    assert grown["onrecord_gate_close_seconds_count", ""] == 3
    assert grown["onrecord_events_total", "opt_out"] == 2
    assert grown["onrecord_events_total", "stream_opened"] == 1
    assert grown["onrecord_group_events_sum", ""] == sum(
        v for (n, _), v in grown.items() if n == "onrecord_events_total"
    )
    assert grown["onrecord_group_events_count", ""] == grown["onrecord_commit_seconds_count", ""] > 0
    assert grown["onrecord_http_requests_total", "postEvents,2xx"] == 6
    assert grown["onrecord_http_request_seconds_count", "postEvents"] == 6
    assert now["onrecord_ready", ""] == 1
    assert now["onrecord_log_leaves", ""] == talk.get("/timeline")["events"][-1]["leaf_index"] + 1
    assert now["onrecord_wal_bytes", ""] >= 0
    assert now["onrecord_disk_free_bytes", ""] > 0
    assert now["process_open_fds", ""] > 0


def test_what_is_refused_is_counted_by_its_class(watched: Server, operator: httpx.Client) -> None:
    before = metrics(operator)
    operator.get("/v1/nothing/Wanda")
    operator.delete("/healthz")
    operator.get(f"/v1/interactions/int_{32 * '0'}")
    httpx.get(watched.api + "/v1/keys")
    now = metrics(operator)
    grown = {
        key[1]: value - before.get(key, 0) for key, value in now.items() if key[0] == "onrecord_http_requests_total"
    }
    assert grown["none,4xx"] == 2
    assert grown["getInteraction,4xx"] == grown["listKeys,4xx"] == 1


def standing(client: httpx.Client, alarm: Alarm) -> float:
    return metrics(client)["onrecord_alarms_active", alarm]


def alarms_of(talk: Talk) -> list[tuple[str, str, str]]:
    told = [e for e in talk.get("/timeline")["events"] if e["type"].startswith("alarm_")]
    return [(e["type"], e["data"]["alarm"], e["data"]["why"]) for e in told]


def test_a_recording_that_does_not_come_is_an_alarm_until_it_does(watched: Server, operator: httpx.Client) -> None:
    talk = called(operator).consented(0.0)
    until(lambda: alarms_of(talk))
    assert alarms_of(talk) == [("alarm_raised", "RECORDING_GAP", "no_stream")]
    assert "RECORDING_GAP" in {flag["flag"] for flag in talk.get()["flags"]}
    assert standing(operator, Alarm.RECORDING_GAP) == 1
    with Twilio(watched, token=talk.stream_token).start("inbound") as media:
        media.play(sound(1.0))
        media.taken()
        until(lambda: len(alarms_of(talk)) == 3)
        assert alarms_of(talk)[1:] == [
            ("alarm_cleared", "RECORDING_GAP", "no_stream"),
            ("alarm_raised", "RECORDING_GAP", "no_media"),
        ]
        media.stop()
    talk.tell("call_end", 1.0)
    until(lambda: standing(operator, Alarm.RECORDING_GAP) == 0)
    raised = [line for line in lines(watched) if line["event"] == "alarm" and line["interaction"] == talk.id]
    assert [(line["level"], line["alarm"], line["why"]) for line in raised] == [
        ("warning", "RECORDING_GAP", "no_stream"),
        ("warning", "RECORDING_GAP", "no_media"),
    ]
    assert operator.get(f"{talk.path}/evidence").status_code == 200


def test_media_that_should_not_come_is_an_alarm(watched: Server, operator: httpx.Client) -> None:
    talk = called(operator)
    talk.tell("call_start", 0.0)
    with Twilio(watched, token=talk.stream_token).start("inbound") as media:
        sent = 0

        def goes_on() -> bool:
            nonlocal sent
            media.play(sound(0.2), at_ms=sent * 200)
            sent += 1
            return bool(alarms_of(talk))

        until(goes_on)
        assert alarms_of(talk) == [("alarm_raised", "MEDIA_UNWANTED", "closed")]
        assert "MEDIA_UNWANTED" in {flag["flag"] for flag in talk.get()["flags"]}
        media.stop()
    until(lambda: standing(operator, Alarm.MEDIA_UNWANTED) == 0)


def test_a_server_says_how_it_starts_and_ends(launch: Launch, tmp_path: Path) -> None:
    server = launch(tmp_path, "--alarm-closed=0")
    assert server.stop() == 0
    told = lines(server)
    assert [line["event"] for line in told if line["event"] != "platform_signatures_off"] == [
        "starting",
        "stage",
        "alarm_off",
        "ready",
        "stage",
        "stopped",
    ]
    assert told[0]["version"]
    assert [line["alarm"] for line in told if line["event"] == "alarm_off"] == ["closed"]
    ready = next(line for line in told if line["event"] == "ready")
    assert (ready["host"], ready["api_port"]) == ("127.0.0.1", int(server.api.rpartition(":")[2]))
    assert all(line["level"] in {"info", "warning", "error"} for line in told)


def stranded(folder: Path) -> Path:
    """An object that no event names: the start after a kill removes it, and where that is held the start goes on."""
    loose = folder / "data" / "objects" / "00" / f"obj_{32 * '0'}"
    loose.parent.mkdir(exist_ok=True)
    loose.write_bytes(b"x")
    return loose.parent


def test_a_server_that_recovers_is_alive_and_not_ready(launch: Launch, machine: Machine, tmp_path: Path) -> None:
    server = launch(tmp_path)
    with server.client() as client:
        talk = called(client).consented(0.0)
    server.kill()
    port = f"--port={server.api.rpartition(':')[2]}"
    held = machine.failing(Call.NAME, stranded(tmp_path), held=True)
    with ThreadPoolExecutor(1) as aside, held as removal:
        starting = aside.submit(launch, tmp_path, port, environment=machine.environment)
        removal.struck()
        alive, ready = httpx.get(server.api + "/healthz"), httpx.get(server.api + "/readyz")
        assert alive.status_code == 200
        assert (ready.status_code, ready.json()) == (503, {"ready": False, "troubles": ["recovering"]})
        with server.client() as client:
            refused = client.get(talk.path)
        assert (refused.status_code, refused.json()["code"]) == (503, "recovering")
        assert refused.headers["retry-after"]
        assert not (tmp_path / "ready.json").exists()
        removal.over()
        server = starting.result()
    assert httpx.get(server.api + "/readyz").status_code == 200
    with server.client() as client:
        assert client.get(talk.path).json()["state"] == "interrupted"


def test_a_server_told_to_end_while_it_recovers_ends(launch: Launch, machine: Machine, tmp_path: Path) -> None:
    server = launch(tmp_path)
    server.kill()
    (tmp_path / "ready.json").unlink()
    held = machine.failing(Call.NAME, stranded(tmp_path), held=True)
    with held as removal, server.log.open("ab") as log, contextlib.ExitStack() as stack:
        environment = {**os.environ, **machine.environment}
        again = subprocess.Popen(server.process.args, stdout=log, stderr=log, env=environment)
        stack.callback(again.kill)
        removal.struck()
        again.terminate()
        until(lambda: lines(server)[-1].get("code") == "stopping")
        removal.over()
        assert again.wait(30) == 0
    assert not (tmp_path / "ready.json").exists()
    assert launch(tmp_path).stop() == 0
