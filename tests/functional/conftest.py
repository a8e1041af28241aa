"""A real server process on loopback, and clients of it. Nothing is mocked."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from machine import Machine, compiled
from machine_scene import Scene
from serving import Server, Talk, start


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Server]]:
    """Starts a server on a folder (data, keys, log); whatever is still running at the end is killed."""
    with contextlib.ExitStack() as stack:

        def started(folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> Server:
            server = start(folder, *options, environment=environment)
            stack.callback(server.kill)
            return server

        yield started


@pytest.fixture(scope="session")
def server(launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The server that all functional tests share. Calls that they leave unfinished are no alarms."""
    silent = ("--alarm-gap=0", "--alarm-unwanted=0", "--alarm-closed=0")
    return launch(tmp_path_factory.mktemp("server"), *silent)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What makes a machine fail under a server."""
    return compiled(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def scene(shim: Path, launch: Callable[..., Server], tmp_path: Path) -> Iterator[Scene]:
    """A server of the test's own, on a machine that can fail."""
    made = Scene(Machine(shim, tmp_path), launch, tmp_path)
    yield made
    made.machine.mend()
    made.close()


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """With the key that may do everything."""
    with server.client() as made:
        yield made


@pytest.fixture
def begin(client: httpx.Client) -> Callable[..., Talk]:
    """A new interaction with the given head; another client may be named."""

    def make(by: httpx.Client | None = None, **head: Any) -> Talk:
        used = client if by is None else by
        response = used.post("/v1/interactions", json=head)
        assert response.status_code == 201, response.text
        return Talk(used, response.json()["id"], response.json()["stream_token"])

    return make


@pytest.fixture
def shared() -> Path:
    """The folder of corpora and calls, which is not part of the repository."""
    named = os.environ.get("ONRECORD_SHARED")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared"
    if not folder.is_dir():
        pytest.skip("the shared folder of corpora is not here (ONRECORD_SHARED)")
    return folder
