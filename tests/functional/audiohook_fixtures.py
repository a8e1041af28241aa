"""A server that knows Genesys' secret, and calls of it; loaded as a plugin by the tests of AudioHook."""

from collections.abc import Callable, Iterator

import pytest
from audiohook_client import CALLER, secret_file
from media_calls import IRISH, agree
from serving import Server, Talk

BOTH = [*IRISH, {"role": "agent", "jurisdiction": "IE"}]


@pytest.fixture(scope="module")
def genesys(launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("genesys")
    server = launch(folder, "--audiohook-secret-file", str(secret_file(folder)))
    yield server
    log = server.log.read_text()
    assert "Traceback" not in log
    assert CALLER not in log
    assert "Ottoline" not in log
    assert server.stop() == 0


@pytest.fixture
def noticed(genesys: Server) -> Iterator[Talk]:
    """Begun, notice given, nobody asked."""
    with genesys.client() as client:
        made = client.post("/v1/interactions", json={"parties": BOTH}).json()
        talk = Talk(client, made["id"], made["stream_token"])
        talk.tell("call_start", 0.0)
        talk.tell("prompt_delivered", 0.0, prompt_version="p1", channel="ivr")
        yield talk


@pytest.fixture
def talk(noticed: Talk) -> Talk:
    """Consent from second 0 on."""
    agree(noticed, 0.0)
    return noticed
