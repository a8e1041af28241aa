"""A person is forgotten: keys, content, what was said of them. The log goes on, and the proof says what is gone."""

import json
import subprocess

import httpx
from serving import COMMAND, Server

NEEDLES = ("Quillon Farrow", "+15550123", "marmalade")


def _parties() -> list[dict[str, str]]:
    return [
        {"role": "customer", "jurisdiction": "IE", "name": NEEDLES[0], "phone": NEEDLES[1], "external_id": "crm-77"},
        {"role": "agent", "jurisdiction": "IE"},
    ]


def _said(begin) -> tuple[object, str]:
    talk = begin(parties=_parties()).consented()
    body = {
        "kind": "transcript",
        "sources": [],
        "words": [{"w": NEEDLES[2], "s": 3.0, "e": 3.5, "channel": "customer"}],
    }
    made = talk.client.post(f"{talk.path}/artifacts", json=body)
    assert made.status_code == 201, made.text
    return talk, made.json()["id"]


def _person(talk) -> str:
    return next(p["person"] for p in talk.get()["parties"] if p["role"] == "customer")


def _verify(server: Server, client: httpx.Client, path: str) -> tuple[int, dict]:
    pack = server.folder / f"{path.rpartition('/')[2]}.zip"
    pack.write_bytes(client.get(f"{path}/evidence").content)
    done = subprocess.run(
        [*COMMAND, "verify", str(pack), "--json", "--trust", server.vkey], capture_output=True, check=False
    )
    return done.returncode, json.loads(done.stdout)


def test_a_person_is_forgotten_in_every_conversation(server: Server, client: httpx.Client, begin) -> None:
    (first, words), (second, _) = _said(begin), _said(begin)
    other, kept = _said_by_other(begin)
    first.tell("call_end", 60.0)
    assert client.post(f"{first.path}/seal").status_code == 200
    person = _person(first)
    assert person == _person(second)

    gone = client.post(f"/v1/persons/{person}/erasure")
    assert gone.status_code == 200, gone.text
    assert (gone.json()["interactions"], gone.json()["objects"]) == (2, 2)
    assert gone.json()["events"] >= 4

    for talk in (first, second):
        shown = httpx.get(f"{server.api}{talk.path}", headers=client.headers).text
        assert not any(needle in shown for needle in NEEDLES)
        code, report = _verify(server, client, talk.path)
        assert (code, report["ok"]) == (0, True), report
        assert report["replay"] in {"partial", "erased"}
        made = talk.get("/decisions", t=30.0)["decisions"]["audio_recording"]["state"]
        assert made in {"never", "stopped"}
    assert client.get(f"/v1/artifacts/{words}/content").status_code == 410
    assert client.get(f"/v1/artifacts/{kept}/content").status_code == 200
    assert _verify(server, client, other.path)[1]["replay"] == "complete"
    assert client.post(f"/v1/persons/{person}/erasure").status_code == 404


def _said_by_other(begin) -> tuple[object, str]:
    talk = begin(parties=[{"role": "customer", "jurisdiction": "IE"}]).consented()
    body = {"kind": "transcript", "sources": [], "words": [{"w": "hello", "s": 3.0, "e": 3.5, "channel": "customer"}]}
    return talk, talk.client.post(f"{talk.path}/artifacts", json=body).json()["id"]


def test_nothing_new_is_stored_of_who_was_forgotten(client: httpx.Client, begin) -> None:
    talk, _ = _said(begin)
    assert client.post(f"/v1/persons/{_person(talk)}/erasure").status_code == 200
    body = {"kind": "transcript", "sources": [], "words": [{"w": "again", "s": 4.0, "e": 4.5, "channel": "customer"}]}
    assert client.post(f"{talk.path}/artifacts", json=body).status_code in {409, 410}
    late = {"type": "consent", "t": 20.0, "result": "accepted", "method": "verbal", "prompt_version": "p1"}
    assert client.post(f"{talk.path}/events", json=late).status_code >= 400
    assert talk.get("/decisions", t=21.0)["decisions"]["transcript"]["state"] in {"never", "stopped"}


def test_only_who_may_forgets_and_only_who_is_known(client: httpx.Client, server: Server, begin) -> None:
    talk, words = _said(begin)
    weak = client.post("/v1/keys", json={"source": "bot", "scopes": ["events:write"]}).json()["key"]
    with server.client(weak) as bot:
        assert bot.post(f"/v1/persons/{_person(talk)}/erasure").status_code == 403
    assert client.post(f"/v1/persons/prs_{'0' * 32}/erasure").status_code == 404
    assert client.get(f"/v1/artifacts/{words}/content").status_code == 200
