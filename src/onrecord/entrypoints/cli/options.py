"""What `onrecord serve` is told: options, read and checked before anything is opened."""

import argparse
import contextlib
import ipaddress
import os
import re
from pathlib import Path

from onrecord.base.clock import SystemClock
from onrecord.base.errors import OnRecordError
from onrecord.entrypoints.bootstrap import Settings, TwilioAccess
from onrecord.entrypoints.ingest.httpsignature import AudiohookVerifier, read_secret
from onrecord.entrypoints.ingest.secrets import Secrets
from onrecord.workflow.alarms import Limits

ALARMS = {
    "gap": "without media that may be recorded",
    "unwanted": "of media after a pause or the end of the call",
    "closed": "of media that nothing permits to record",
}


class BindError(OnRecordError):
    code = "bind_refused"


def parsed(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="onrecord serve")
    parser.add_argument("--data", type=Path, required=True, help="folder for events and sealed objects")
    parser.add_argument("--keys", type=Path, required=True, help="root key file; wrapped keys live in FILE.d")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--media-port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--twilio-auth-token-file", type=Path)
    parser.add_argument("--twilio-account-sid", help="with the token file: commands Twilio's own recordings")
    parser.add_argument("--twilio-api", metavar="ORIGIN", help="https, or a loopback address")
    parser.add_argument("--exotel-basic-file", type=Path, help="user:password of Exotel's upgrades")
    parser.add_argument("--audiohook-secret-file", type=Path, help="API key and client secret of Genesys AudioHook")
    parser.add_argument(
        "--command-deadline", type=_seconds, default=5.0, metavar="SECONDS", help="for platforms to obey"
    )
    parser.add_argument("--hold-back", type=_seconds, default=5.0, metavar="SECONDS")
    parser.add_argument(
        "--strip-embedder",
        type=_origin,
        action="append",
        default=[],
        metavar="ORIGIN",
        help="may show the agent's strip",
    )
    parser.add_argument("--packs", type=Path, help="folder with further policy packs")
    parser.add_argument(
        "--pack-key", action="append", default=[], metavar="VKEY", help="adopt only packs that this key signed"
    )
    for name, told in ALARMS.items():
        default = getattr(Limits(), name)
        parser.add_argument(
            f"--alarm-{name}", type=_seconds, default=default, metavar="SECONDS", help=f"{told}; 0: never"
        )
    return parser.parse_args(argv)


def limits(given: argparse.Namespace) -> Limits:
    return Limits(given.alarm_gap, given.alarm_unwanted, given.alarm_closed)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 600:
        raise argparse.ArgumentTypeError("seconds from 0 to 600")
    return seconds


def _origin(text: str) -> str:
    if re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", text) is None:
        raise argparse.ArgumentTypeError("an origin: https://host[:port]")
    return text


def check_bind(host: str) -> None:
    """Beyond loopback there is no TLS here yet, so there is no bind."""
    local = host == "localhost"
    with contextlib.suppress(ValueError):
        local = local or ipaddress.ip_address(host).is_loopback
    if not local:
        raise BindError("only loopback can be bound without TLS; put a proxy that ends TLS in front")


def secrets(given: argparse.Namespace) -> Secrets:
    """Errors: BindError (secret_unreadable, secret_malformed)."""
    basic = _secret(given.exotel_basic_file)
    if basic is not None and b":" not in basic:
        raise BindError("the file of Exotel's credentials holds no user:password", code="secret_malformed")
    return Secrets(_secret(given.twilio_auth_token_file), basic, _audiohook(given))


def _audiohook(given: argparse.Namespace) -> AudiohookVerifier | None:
    raw = _secret(given.audiohook_secret_file)
    if raw is None:
        return None
    secret = read_secret(raw)
    if secret is None:
        raise BindError("the file of AudioHook holds no API key and base64 client secret", code="secret_malformed")
    clock = SystemClock()
    return AudiohookVerifier(secret, lambda: clock.now_ns() / 1e9)


def settings(given: argparse.Namespace) -> Settings:
    """Errors: BindError (secret_unreadable, option_missing)."""
    return Settings(
        given.data,
        given.keys,
        given.hold_back,
        given.packs,
        _twilio(given),
        given.command_deadline,
        tuple(given.strip_embedder),
        tuple(given.pack_key),
    )


def _twilio(given: argparse.Namespace) -> TwilioAccess | None:
    sid, token = given.twilio_account_sid, _secret(given.twilio_auth_token_file)
    if sid is None:
        return None
    if token is None or re.fullmatch(r"AC[0-9a-fA-F]{32}", sid) is None or not token.isascii():
        raise BindError(
            "an account SID is AC and 32 hex digits, beside --twilio-auth-token-file", code="option_missing"
        )
    return TwilioAccess(sid, token.decode("ascii"), given.twilio_api)


def _secret(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes().strip()
    except OSError as error:
        raise BindError("a file with a platform's secret cannot be read", code="secret_unreadable") from error


def check_ready_file(file: Path | None) -> None:
    if file is not None and not os.access(file.parent, os.W_OK | os.X_OK):
        raise BindError("the folder of the ready file cannot be written", code="ready_file_unwritable")
