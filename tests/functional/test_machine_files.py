"""File descriptors run out: connections that are there go on, new ones wait without a loop that spins, what cannot be
stored is told as lost; and connections alone never take the descriptors that the stores need."""

import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from machine_scene import Scene, check_proved, check_told, gate
from media_client import RATE, Twilio, account, expected, heard, same, sound, until

SAID = sound(13)


def highest(scene: Scene) -> int:
    return max(int(name) for name in os.listdir(f"/proc/{scene.server.process.pid}/fd"))  # noqa: PTH208  names alone, quicker than paths


@contextlib.contextmanager
def limited(scene: Scene, descriptors: int) -> Iterator[None]:
    """No descriptor from that number on."""
    pid = scene.server.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, hard))
    try:
        yield
    finally:
        relieve(scene)


def relieve(scene: Scene) -> None:
    pid = scene.server.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))


def knock(origin: str) -> socket.socket:
    """A connection, and a request on it."""
    where = urlsplit(origin)
    wire = socket.create_connection((where.hostname, where.port), timeout=30)
    wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    return wire


def lines(scene: Scene) -> int:
    return len(scene.server.log.read_bytes().splitlines())


def test_without_descriptors_what_is_connected_goes_on(scene: Scene) -> None:
    talk = scene.begin()
    with Twilio(scene.server, token=talk.stream_token).start() as stream:
        stream.play(SAID, range(250))
        stream.taken()
        until(lambda: account(talk)["written"] == 3 * RATE)
        before = lines(scene)
        with limited(scene, highest(scene) + 1), contextlib.ExitStack() as stack:
            waiting = [stack.enter_context(knock(origin)) for origin in (scene.server.api, scene.server.ws) * 3]
            until(lambda: "out_of_files" in scene.troubles())
            talk.tell("segment_start", 5.0, segment="payment", n=1)
            assert gate(talk) == "shut"
            talk.tell("segment_end", 9.5, segment="payment", n=1)
            stream.play(SAID, range(250, 475))
            until(lambda: account(talk)["lost"] == RATE)
            assert gate(talk) == "open"
            scene.client.post(f"{talk.path}/stream-tokens").raise_for_status()
            relieve(scene)
            assert all(wire.recv(12) in {b"HTTP/1.1 200", b"HTTP/1.1 404"} for wire in waiting)
        assert lines(scene) - before < 60, "nothing is tried round and round"
        scene.is_ready()
        stream.play(SAID, range(475, 650))
        stream.stop()
    talk.tell("call_end", 13.0)
    until(lambda: account(talk)["held"] == 0)
    same(heard(talk), expected(SAID, 13, (0, 1), (4, 9.5)))
    check_told(talk)
    check_proved(scene.server, talk)


def test_connections_leave_the_stores_their_descriptors(scene: Scene) -> None:
    talk = scene.begin()
    with Twilio(scene.server, token=talk.stream_token).start() as stream, contextlib.ExitStack() as stack:
        with limited(scene, 140):
            crowd = [stack.enter_context(knock(scene.server.api)) for _ in range(95)]
            answers = [_answer(wire) for wire in crowd]
            assert answers[0] == b"HTTP/1.1 200"
            assert set(answers[90:]) == {b""}
            assert _answer(stack.enter_context(knock(scene.server.ws))) == b""
            until(lambda: "out_of_files" in scene.troubles())
            stream.play(SAID, range(650))
            stream.taken()
            until(lambda: account(talk)["written"] == 11 * RATE)
            talk.tell("segment_start", 13.0, segment="payment", n=1)
        for wire in crowd:
            wire.close()
        scene.is_ready()
    check_told(talk)


def _answer(wire: socket.socket) -> bytes:
    """Nothing where the connection was closed at once."""
    try:
        return wire.recv(12)
    except ConnectionResetError:
        return b""
