"""What lies on the disk of a real server: no plain content at any time, nothing of what was erased, and no use without
its keys."""

import contextlib
import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from media_client import RATE, Neutral, decoded, sound, until
from serving import Server, Talk

Launch = Callable[..., Server]
WORD = "xylophone-needle-7431"
NAME = "Quentin Needleworth"
SAID = sound(12)
NEEDLES = [
    WORD.encode(),
    NAME.encode(),
    b"5555550142",
    b"ext-needle-99",
    *(SAID[at : at + 48] for at in range(0, len(SAID), RATE)),
    *(decoded(SAID[at : at + 32]).tobytes() for at in range(0, len(SAID), RATE)),
]


def files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def scan(folder: Path) -> None:
    """No file of the server's holds a needle in clear: rows, write-ahead log, objects, keys, its own words."""
    for path in files(folder):
        body = path.read_bytes()
        found = [needle for needle in NEEDLES if needle in body]
        assert not found, f"{path.name} holds {len(found)} needles"


def objects(folder: Path) -> set[str]:
    return {path.name for path in files(folder / "data" / "objects")}


def recorded(server: Server, client: httpx.Client) -> Talk:
    """A call with twelve seconds of sound and a transcript; what is held is durable."""
    party = {"role": "customer", "name": NAME, "phone": "+15555550142", "external_id": "ext-needle-99"}
    made = client.post("/v1/interactions", json={"parties": [{**party, "jurisdiction": "US-CA"}]}).json()
    talk = Talk(client, made["id"], made["stream_token"]).consented(0.0)
    with Neutral(server, token=talk.stream_token, offset=0).start(("customer", "mulaw", RATE)) as media:
        for at in range(0, len(SAID), RATE):
            media.frame(0, at, SAID[at : at + RATE])
        media.taken()
        media.stop()
    words = [{"w": WORD, "s": 2.0, "e": 3.0, "channel": "customer"}]
    body = {"kind": "transcript", "sources": [], "start": 0.0, "end": 12.0, "words": words}
    assert client.post(f"{talk.path}/artifacts", json=body).status_code == 201
    talk.tell("call_end", 12.0)
    until(lambda: talk.get("/accounting")["tracks"]["customer"]["written"] == len(SAID))
    return talk


@pytest.mark.parametrize("ended", ["killed", "stopped"])
def test_what_is_erased_is_nowhere_and_nothing_lies_in_clear(launch: Launch, tmp_path: Path, ended: str) -> None:
    server = launch(tmp_path)
    with server.client() as client:
        talk = recorded(server, client)
        scan(tmp_path)
        artifacts = [artifact["id"] for artifact in talk.get("/artifacts")["artifacts"]]
        assert len(artifacts) == 2
        kept = {path.name: path.read_bytes() for path in files(tmp_path / "data" / "objects")}
        assert kept
        talk.tell("erasure_request", 12.0, method="email")
    assert objects(tmp_path) == set()
    scan(tmp_path)
    assert server.process.poll() is None
    if ended == "killed":
        server.kill()
    else:
        assert server.stop() == 0
    scan(tmp_path)
    for name, body in kept.items():  # a copy of an object that somebody kept is worth nothing
        folder = tmp_path / "data" / "objects" / name.partition("_")[2][:2]
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(body)
    server = launch(tmp_path)
    with server.client() as client:
        for artifact in artifacts:
            assert client.get(f"/v1/artifacts/{artifact}/content").status_code == 410
    scan(tmp_path)
    if ended == "killed":
        assert objects(tmp_path) == set(), "a sweep removes bytes that outlived their key"


def digests(folder: Path) -> dict[str, str]:
    """Of every file but the lock, which holds nothing."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files(folder)
        if path.name != "lock"
    }


def other_keys(launch: Launch, folder: Path) -> Path:
    """The keys of another deployment."""
    assert launch(folder).stop() == 0
    return folder / "keys"


def said(keys: Path, scratch: Path) -> list[str]:
    """All rows of the key store, of a copy: a killed server has left some in the write-ahead log."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(keys / "root.key.d", scratch)
    with contextlib.closing(sqlite3.connect(scratch / "keys.db")) as copy:
        return list(copy.iterdump())


def swap_root(keys: Path, other: Path) -> None:
    shutil.copy(other / "root.key", keys / "root.key")


def swap_all(keys: Path, other: Path) -> None:
    shutil.rmtree(keys)
    shutil.copytree(other, keys)


def lose_store(keys: Path, other: Path) -> None:
    shutil.rmtree(keys / "root.key.d")


def lose_all(keys: Path, other: Path) -> None:
    shutil.rmtree(keys)


@pytest.mark.parametrize("harm", [swap_root, swap_all, lose_store, lose_all])
def test_without_its_own_keys_a_server_refuses_and_changes_nothing(
    launch: Launch, tmp_path: Path, harm: Callable[[Path, Path], None]
) -> None:
    server = launch(tmp_path / "own")
    with server.client() as client:
        talk = recorded(server, client)
        server.kill()
    data, keys = tmp_path / "own" / "data", tmp_path / "own" / "keys"
    shutil.copytree(keys, tmp_path / "safe")
    other = other_keys(launch, tmp_path / "other")
    before = digests(data)
    harm(keys, other)
    kept = said(keys, tmp_path / "scratch") if harm is swap_root else []
    for _ in range(2):
        with pytest.raises(AssertionError, match=r"wrong_key_file|keys_lost"):
            launch(tmp_path / "own")
        assert digests(data) == before
        assert not kept or said(keys, tmp_path / "scratch") == kept
    shutil.rmtree(keys, ignore_errors=True)
    shutil.copytree(tmp_path / "safe", keys)
    server = launch(tmp_path / "own")
    with server.client() as client:
        (recording, words) = sorted(Talk(client, talk.id, "").get("/artifacts")["artifacts"], key=lambda a: a["kind"])
        assert len(client.get(f"/v1/artifacts/{recording['id']}/content").content) == 44 + 2 * len(SAID)
        assert client.get(f"/v1/artifacts/{words['id']}/content").json()["words"][0]["w"] == WORD
