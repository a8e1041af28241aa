"""The request to open a media socket, one field a line: its path, then the headers that are looked into. Nobody who
does not know the secrets is let in."""

from dataclasses import dataclass, field

from multidict import CIMultiDict

from fuzz.engine import Target
from fuzz.oracles import holds
from onrecord.entrypoints.ingest import httpsignature, signature, upgrade

HEADERS = (
    "connection",
    "host",
    "authorization",
    "x-twilio-signature",
    "signature-input",
    "signature",
    "x-api-key",
    "audiohook-organization-id",
)
SECRET = bytes(range(32))
KEY = "api-key-1"
NOW = 1_700_000_000
INPUT = (
    'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id"'
    f' "audiohook-correlation-id" "x-api-key");keyid="{KEY}";nonce="AAAAAAAAAAAAAAAAAAAAAA";alg="hmac-sha256"'
    f";created={NOW};expires={NOW + 10}"
)
PATH = "/v1/ingest/exotel?token=abc&offset=1.5&track=agent&sample-rate=8000"
SEEDS = (
    (PATH, "keep-alive, Upgrade", "example.com:443", "Basic dXNlcjpwYXNz", "c2lnbmF0dXJl"),
    ("/v1/ingest/audiohook", "Upgrade", "example.com", "", "", INPUT, "sig1=:c2lnbmF0dXJl:", KEY, "org"),
    ("//[::1/?a=%ff&a=1;b&offset=1e999", "upgrade", "a", "basic ====", "", "sig1=();a=1", "sig1=::", KEY),
)
AGAIN = httpsignature.AudiohookVerifier(httpsignature.AudiohookSecret(KEY, SECRET), lambda: float(NOW))


@dataclass
class Request:
    """What is used of the library's own."""

    path: bytes
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)


def check(data: bytes) -> None:
    path, *values = data.split(b"\n")
    told = {name: value.decode("latin-1") for name, value in zip(HEADERS, values, strict=False)}
    read = upgrade.read(Request(path, CIMultiDict(told)))  # type: ignore[arg-type]  # the library's own cannot be made
    if read is None:
        return
    holds(all(value.isascii() for value in read.headers.values()), "headers are ASCII")
    holds(len(read.query) <= upgrade.MAX_QUERY_FIELDS, "a query is bounded")
    holds(read.offset is None or isinstance(read.offset, float), "an offset is a number")
    holds(read.token is None or read.token, "a token is not empty")
    shown = read.headers.get
    holds(not signature.basic_shown(SECRET, shown("authorization")), "nobody guesses credentials")
    host = shown("host", "")
    holds(
        not signature.twilio_signed(SECRET, host, read.path, shown("x-twilio-signature")),
        "nobody guesses Twilio's secret",
    )
    holds(not AGAIN.admits(read.path, read.headers), "nobody guesses Genesys' secret")


TARGET = Target(check, ["\n".join(seed).encode() for seed in SEEDS])
