"""`onrecord reference`: a capture system to test against, on a loopback address, until it is ended."""

import argparse
import contextlib
import json
import socket
from pathlib import Path

import uvicorn

from onrecord.entrypoints.reference.conduct import Conduct, Mode
from onrecord.entrypoints.reference.program import KINDS, Program, Reporting, UnusableError, secret_of

LOOPBACK = "127.0.0.1"


def run(argv: list[str]) -> int:
    given = _parsed(argv)
    try:
        secret = given.secret_file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError("the file of the secret cannot be read") from error
    if (given.api is None) != (given.key_file is None):
        raise UnusableError("the options --api and --key-file belong together")
    reporting = None if given.api is None else Reporting(given.api, given.key_file)
    conduct = Conduct(Mode(given.mode), KINDS[given.role], given.delay)
    program = Program(given.role, conduct, secret_of(secret), reporting)
    with contextlib.closing(socket.socket()) as listener:
        try:
            listener.bind((LOOPBACK, given.port))
        except OSError as error:
            raise UnusableError("the port is taken", code="bind_failed") from error
        origin = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        _tell(given.ready_file, {name: f"{origin}/{name}" for name in ("control", "state", "heard")})
        config = uvicorn.Config(program.app(), log_config=None, access_log=False, lifespan="off", proxy_headers=False)
        listener.listen()
        uvicorn.Server(config).run([listener])
    return 0


def _parsed(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="onrecord reference")
    parser.add_argument("role", choices=sorted(KINDS))
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], default=Mode.HONEST.value)
    parser.add_argument("--secret-file", type=Path, required=True, help="whsec_..., as it is registered")
    parser.add_argument("--delay", type=float, default=10.0, metavar="SECONDS", help="of the mode slow")
    parser.add_argument("--api", metavar="ORIGIN", help="OnRecord, for what it makes")
    parser.add_argument("--key-file", type=Path, help="the key of this capture system; read when it is needed")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path, help="where it writes its addresses; else standard output")
    return parser.parse_args(argv)


def _tell(file: Path | None, addresses: dict[str, str]) -> None:
    text = json.dumps(addresses)
    if file is None:
        print(text, flush=True)
        return
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(text)
    fresh.replace(file)
