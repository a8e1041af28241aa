"""The reference systems as processes: what they take, and what they do not."""

import json
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from reference_systems import SECRET, reference, signatures
from serving import COMMAND

NOWHERE = "http://127.0.0.1:9"
COMMAND_BODY = {"type": "capture.command", "data": {"command": "c1", "interaction": "int_1", "verdicts": {}}}


def test_only_what_is_signed_is_taken(tmp_path: Path) -> None:
    body = json.dumps(COMMAND_BODY).encode()
    with reference("recorder", tmp_path, NOWHERE) as recorder, httpx.Client(trust_env=False, timeout=30) as client:
        control = recorder.addresses["control"]
        assert client.post(control, content=body, headers=signatures(body)).status_code == 200
        assert client.post(control, content=body + b" ", headers=signatures(body)).status_code == 401
        assert client.post(control, content=body).status_code == 401
        old = signatures(body, stamp=int(time.time()) - 400)
        assert client.post(control, content=body, headers=old).status_code == 401
        assert client.get(recorder.addresses["state"], params={"interaction": "int_1"}).status_code == 401
        for wrong in (b"{", b"[]", b'{"data": 1}', b"x" * 70_000):
            assert client.post(control, content=wrong, headers=signatures(wrong)).status_code == 400
        shown = client.get(recorder.addresses["state"], params={"interaction": "int_1"}, headers=signatures(b"")).json()
        assert shown == {"interaction": "int_1", "command": "c1", "states": {"audio_recording": "stopped"}}


@pytest.mark.parametrize("options", [["--api", NOWHERE], ["--secret-file", "absent"], ["--port", "taken"]], ids=str)
def test_what_cannot_start_says_why(tmp_path: Path, options: list[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET if "--port" not in options else "whsec_!")
    given = [word for word in options if word not in {"--port", "taken"}]
    done = subprocess.run(
        [*COMMAND, "reference", "recorder", "--secret-file", str(secret), *given],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("onrecord: reference_unusable: ")
    assert done.stderr.count("\n") == 1
