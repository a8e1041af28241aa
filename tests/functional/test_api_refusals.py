"""Who may do what, malformed requests of all kinds, and that no refusal says anything about a person."""

import socket
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from serving import Server, Talk

from onrecord.entrypoints.api import responses
from onrecord.entrypoints.api.routes import ROUTES
from onrecord.workflow.principal import Scope

Begin = Callable[..., Talk]
PLANTED = ("Wanda Quill", "wanda.quill@example.test", "+15555550142", "4242424242424242")


@pytest.fixture(scope="module")
def admin(server: Server) -> Any:
    with server.client() as made:
        yield made


@pytest.fixture(scope="module")
def existing(admin: httpx.Client) -> dict[str, str]:
    interaction = admin.post("/v1/interactions", json={}).json()["id"]
    ids = {"artifact": "art_", "person": "prs_", "system": "sys_", "webhook": "whk_"}
    made = {name: prefix + "0" * 32 for name, prefix in ids.items()}
    return {"interaction": interaction, **made, "key": "0" * 16, "prompt": "p", "version": "1", "legal_basis": "b"}


def key_for(admin: httpx.Client, scopes: list[str], source: str = "any") -> str:
    made = admin.post("/v1/keys", json={"source": source, "scopes": scopes})
    assert made.status_code == 201, made.text
    msgspec.json.decode(made.content, type=responses.NewKeyMade)
    return str(made.json()["key"])


def is_problem(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    found = msgspec.json.decode(response.content, type=responses.Problem)
    assert (found.status, found.code) == (status, code)


CLOSED = [route for route in ROUTES if not route.public]


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.operation)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic eA==", "Bearer ork_0000000000000000_00"])
def test_no_route_without_a_key(server: Server, existing: dict[str, str], route: Any, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = httpx.request(route.method, server.api + route.path.format(**existing), headers=headers)
    is_problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", [r for r in CLOSED if r.scope], ids=lambda route: route.operation)
def test_each_route_needs_its_scope(admin: httpx.Client, existing: dict[str, str], route: Any) -> None:
    path = route.path.format(**existing)
    lacking = key_for(admin, [scope.value for scope in Scope if scope is not route.scope])
    refused = admin.request(route.method, path, headers={"Authorization": f"Bearer {lacking}"})
    is_problem(refused, 403, "forbidden")
    if route.operation == "streamDecisions":
        return
    having = key_for(admin, [route.scope.value])
    passed = admin.request(route.method, path, headers={"Authorization": f"Bearer {having}"})
    assert passed.status_code not in {401, 403}


def test_service_routes_are_open(server: Server) -> None:
    assert httpx.get(server.api + "/healthz").json() == {"ok": True}
    assert httpx.get(server.api + "/v1/openapi.json").json()["openapi"] == "3.1.0"


def test_checkpoint(admin: httpx.Client, server: Server) -> None:
    text = admin.get("/v1/log/checkpoint").text
    assert text.splitlines()[0] == server.vkey.split("+")[0]


def test_policy_and_replay_need_their_own_scopes(admin: httpx.Client) -> None:
    key = key_for(admin, ["interactions:write", "events:write"])
    headers = {"Authorization": f"Bearer {key}"}
    overlay = {"policy": {"opt_out_action": "pause"}}
    is_problem(admin.post("/v1/interactions", json=overlay, headers=headers), 403, "forbidden")
    made = admin.post("/v1/interactions", json={}, headers=headers)
    path = f"/v1/interactions/{made.json()['id']}/events"
    is_problem(
        admin.post(path, json={"type": "call_start", "t": 0.0, "received": 0.0}, headers=headers), 403, "forbidden"
    )
    assert admin.post(path, json={"type": "call_start", "t": 0.0}, headers=headers).status_code == 201


def test_a_key_hands_on_no_more_than_it_holds(admin: httpx.Client) -> None:
    lesser = key_for(admin, ["keys:admin", "record:read"], "crm")
    headers = {"Authorization": f"Bearer {lesser}"}
    for body in ({"source": "crm", "scopes": ["content:read"]}, {"source": "any", "scopes": ["record:read"]}):
        is_problem(admin.post("/v1/keys", json=body, headers=headers), 403, "forbidden")
    assert admin.post("/v1/keys", json={"source": "crm", "scopes": ["record:read"]}, headers=headers).status_code == 201
    for body in ({"source": "the moon", "scopes": ["replay"]}, {"source": "crm", "scopes": []}, {"source": "crm"}):
        is_problem(admin.post("/v1/keys", json=body), 400, "invalid_request")


def test_a_revoked_key_is_refused(admin: httpx.Client) -> None:
    made = admin.post("/v1/keys", json={"source": "bot", "scopes": ["record:read"]}).json()
    listed = admin.get("/v1/keys")
    msgspec.json.decode(listed.content, type=responses.Keys)
    assert {"id": made["id"], "source": "bot", "scopes": ["record:read"]} in listed.json()["keys"]
    assert made["key"] not in listed.text
    headers = {"Authorization": f"Bearer {made['key']}"}
    path = f"/v1/interactions/int_{'0' * 32}"
    is_problem(admin.get(path, headers=headers), 404, "not_found")
    assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
    is_problem(admin.get(path, headers=headers), 401, "unauthenticated")
    is_problem(admin.delete(f"/v1/keys/{made['id']}"), 404, "not_found")


def test_a_source_says_only_what_it_is_entitled_to(server: Server, admin: httpx.Client, begin: Begin) -> None:
    talk = begin(parties=[{"role": "customer", "jurisdiction": "US-CA"}]).consented()
    talk.tell("opt_out", 5.0, method="verbal", reason_code="asked")
    with server.client(key_for(admin, ["events:write"], "payment")) as payment:
        path = f"{talk.path}/events"
        is_problem(
            payment.post(path, json={"type": "opt_in", "t": 6.0, "method": "verbal"}), 403, "source_not_entitled"
        )
        closing = {"type": "consent_withdrawn", "t": 7.0, "method": "verbal"}
        assert payment.post(path, json=closing).status_code == 201
    events = talk.get("/timeline")["events"]
    (refused,) = [event for event in events if event["type"] == "assertion_refused"]
    assert (refused["data"]["type"], refused["data"]["source"]) == ("opt_in", "payment")
    assert "opt_in" not in {event["type"] for event in events}
    states = talk.get("/decisions", t=8)["decisions"]["audio_recording"]
    assert states["state"] == "stopped"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/interactions/int_" + "0" * 32,
        "/v1/interactions/int_0",
        "/v1/interactions/Wanda%20Quill/decisions",
        "/v1/interactions/..%2f..%2fetc/timeline",
        "/v1/interactions/int_" + "0" * 31 + "G/evidence",
        "/v1/artifacts/art_" + "0" * 32 + "/content",
        "/v1/artifacts/int_" + "0" * 32 + "/content",
        "/v1/artifacts/%00/content",
        "/v1/events?interaction=int_" + "0" * 32,
        "/v1/events?interaction=Wanda",
        "/v1/nothing",
        "/v1/interactions/",
        "/",
    ],
)
def test_nothing_there(admin: httpx.Client, path: str) -> None:
    response = admin.get(path)
    is_problem(response, 404, "not_found")
    assert "Wanda" not in response.text


def test_methods(admin: httpx.Client, existing: dict[str, str]) -> None:
    wrong = admin.put(f"/v1/interactions/{existing['interaction']}")
    is_problem(wrong, 405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]
    head = admin.head(f"/v1/interactions/{existing['interaction']}")
    assert (head.status_code, head.content) == (200, b"")
    stream = admin.head("/v1/events")
    assert (stream.status_code, stream.content) == (200, b"")


@pytest.mark.parametrize("text", ["x", "nan", "inf", "-1", "1e300", "2026-01-01", "2026-13-01T00:00:00Z", ""])
@pytest.mark.parametrize("name", ["t", "as_of"])
def test_times_that_are_none(admin: httpx.Client, existing: dict[str, str], name: str, text: str) -> None:
    response = admin.get(f"/v1/interactions/{existing['interaction']}/decisions", params={name: text})
    is_problem(response, 400, "invalid_request")
    assert f"`{name}`" in response.json()["detail"]
    explained = admin.get(
        f"/v1/interactions/{existing['interaction']}/explanation", params={"kind": "transcript", name: text}
    )
    is_problem(explained, 400, "invalid_request")
    assert f"`{name}`" in explained.json()["detail"]


@pytest.mark.parametrize("position", ["x", "1", "1.", "-1.0", "1.0.0", "9" * 40 + ".0"])
def test_positions_that_are_none(admin: httpx.Client, position: str) -> None:
    is_problem(admin.get("/v1/events", headers={"Last-Event-ID": position}), 400, "invalid_request")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "no_such_type", "t": 1.0},
        {"type": 5, "t": 1.0},
        {"t": 1.0},
        {"type": "segment_sealed", "t": 1.0},
        {"type": "interaction_sealed", "t": 1.0},
        {"type": "opt_out", "t": "yesterday", "method": "verbal", "reason_code": "x"},
        {"type": "opt_out", "t": -1.0, "method": "verbal", "reason_code": "x"},
        {"type": "opt_out", "t": True, "method": "verbal", "reason_code": "x"},
        {"type": "opt_out", "t": 1e12, "method": "verbal", "reason_code": "x"},
        {"type": "consent", "t": 1.0, "result": "maybe", "method": "keypad", "prompt_version": "p"},
        {"type": "segment_start", "t": 1.0, "segment": "payment", "n": "Wanda Quill"},
        {"type": "opt_out", "t": 1.0, "event_id": "", "method": "verbal", "reason_code": "x"},
        {"type": "opt_out", "t": 1.0, "event_id": "x" * 201, "method": "verbal", "reason_code": "x"},
        {"type": "opt_out", "t": 1.0, "event_id": "a\nb", "method": "verbal", "reason_code": "x"},
        {"type": "opt_in", "t": 1.0, "method": "verbal", "kinds": ["Wanda Quill"]},
        {"type": "opt_out", "t": 1.0, "method": "verbal", "reason_code": "x", "kinds": "Wanda Quill"},
        {"type": "opt_out", "t": 1.0, "method": "verbal", "reason_code": "x", "received": -3},
        {"type": "opt_out", "t": 1.0, "method": "verbal", "reason_code": "x", "received": "now"},
        {"type": "opt_out", "t": 1.0, "method": "verbal", "reason_code": "x", "Wanda Quill": 1},
    ],
)
def test_events_that_are_none(admin: httpx.Client, existing: dict[str, str], event: dict[str, Any]) -> None:
    response = admin.post(f"/v1/interactions/{existing['interaction']}/events", json=event)
    assert response.status_code in {400, 422}, response.text
    msgspec.json.decode(response.content, type=responses.Problem)
    assert "Wanda" not in response.text


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "invalid_request"),
        (b"{", "application/json", 400, "invalid_request"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b'{"type": "opt_out", "type": "opt_in"}', "application/json", 400, "invalid_request"),
        (b'{"type": "call_start", "t": NaN}', "application/json", 400, "invalid_request"),
        (b'{"type": "call_start", "t": 1e999}', "application/json", 400, "invalid_request"),
        (b'{"type": "call_start", "x": "\xff"}', "application/json", 400, "invalid_request"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json", 400, "invalid_request"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"type=call_start", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"x": "' + b"x" * 1024 * 1024 + b'"}', "application/json", 413, "body_too_large"),
    ],
)
def test_bodies_that_are_none(
    admin: httpx.Client, existing: dict[str, str], content: bytes, kind: str, status: int, code: str
) -> None:
    path = f"/v1/interactions/{existing['interaction']}/events"
    is_problem(admin.post(path, content=content, headers={"Content-Type": kind}), status, code)


def test_a_huge_integer_is_refused(admin: httpx.Client, existing: dict[str, str]) -> None:
    body = b'{"type": "segment_start", "segment": "payment", "n": ' + b"9" * 300 + b"}"
    path = f"/v1/interactions/{existing['interaction']}/events"
    response = admin.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}, response.text


@pytest.mark.parametrize(
    "head",
    [
        {"sector": ""},
        {"sector": 5},
        {"parties": {}},
        {"parties": [{}]},
        {"parties": [{"role": "customer", "jurisdiction": None}]},
        {"parties": [{"role": "customer", "ssn": "Wanda Quill"}]},
        {"parties": [{"role": "customer"}] * 101},
        {"artifacts_enabled": ["Wanda Quill"]},
        {"policy": []},
        {"policy": {"opt_out_action": "Wanda Quill"}},
        {"policy": {"Wanda Quill": 1}},
        {"name": "Wanda Quill"},
    ],
)
def test_heads_that_are_none(admin: httpx.Client, head: dict[str, Any]) -> None:
    response = admin.post("/v1/interactions", json=head)
    assert response.status_code in {400, 422}, response.text
    msgspec.json.decode(response.content, type=responses.Problem)
    assert "Wanda" not in response.text


def test_a_broken_connection_disturbs_nobody(server: Server, admin: httpx.Client, existing: dict[str, str]) -> None:
    host, port = server.api.removeprefix("http://").split(":")
    start = f"POST /v1/interactions/{existing['interaction']}/events HTTP/1.1\r\nHost: x\r\n"
    lines = f"Authorization: Bearer {server.key}\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    with socket.create_connection((host, int(port))) as broken:
        broken.sendall((start + lines + '{"type": ').encode())
    assert admin.get(f"/v1/interactions/{existing['interaction']}").status_code == 200


def test_no_refusal_and_no_log_line_names_a_person(server: Server, begin: Begin) -> None:
    name, email, phone, card = PLANTED
    talk = begin(
        parties=[{"role": "customer", "jurisdiction": "US-CA", "name": name, "email": email, "phone": phone}]
    ).consented()
    talk.tell("opt_out", 5.0, method="verbal", reason_code="asked")
    bodies: list[dict[str, Any]] = [
        {"type": name},
        {"type": "opt_out", "t": email},
        {"type": "consent", "result": name, "party": phone},
        {name: {email: phone}},
        {"type": "opt_out", "method": card, "reason_code": name, "event_id": "x" * 300 + card},
    ]
    answers = [talk.post(body).text for body in bodies]
    summary = {"kind": "ai_summary", "content": f"{name} paid with {card}", "start": 6.0, "end": 9.0}
    answers.append(talk.client.post(f"{talk.path}/artifacts", json=summary).text)
    answers.append(talk.client.post(f"{talk.path}/artifacts", json={**summary, "kind": card}).text)
    answers.append(talk.client.get(f"{talk.path}/decisions", params={"t": name}).text)
    answers.append(talk.client.get(f"/v1/interactions/{email}").text)
    log = server.log.read_text()
    for planted in PLANTED:
        assert all(planted not in answer for answer in answers)
        assert planted not in log
        assert planted.replace(" ", "%20") not in log
