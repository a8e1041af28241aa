"""Genesys' own signature on the upgrade: HTTP Message Signatures (draft-ietf-httpbis-message-signatures-11, the form
before RFC 9421) with HMAC-SHA256, its fields those of RFC 8941."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_AGE_SECONDS = 10
MAX_SKEW_SECONDS = 3  # how far ahead the platform's clock may be
MIN_NONCE = 22  # characters
MIN_SECRET = 16  # bytes
COVERED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
_ALGORITHM = "hmac-sha256"
_MAX_FIELD = 4096
_TEXT = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
_INPUT = re.compile(
    rf" *([a-z*][a-z0-9_.*-]*)=\(((?: *{_TEXT})*) *\)((?:; *[a-z*][a-z0-9_.*-]*=(?:{_TEXT}|\d{{1,15}}))*) *"
)
_SIGNATURE = re.compile(r" *([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}): *")
_COMPONENT = re.compile(_TEXT)
_PARAMETER = re.compile(rf"; *([a-z*][a-z0-9_.*-]*)=({_TEXT}|\d+)")
_KEY = re.compile(r"[!-~]{1,256}")
_DEFAULT_PORT = re.compile(r":(?:80|443)\Z")


@dataclass(frozen=True, slots=True)
class AudiohookSecret:
    """`organization`: the only one that may connect; None for whoever has the key."""

    api_key: str
    client_secret: bytes = field(repr=False)
    organization: str | None = None


def read_secret(raw: bytes) -> AudiohookSecret | None:
    """Two or three lines, or the JSON object `{"api_key", "client_secret", "organization_id"?}`, the client secret in
    base64; None for anything else."""
    try:
        if raw.lstrip().startswith(b"{"):
            told = json.loads(raw)
            given = [told[name] for name in ("api_key", "client_secret", "organization_id") if name in told]
        else:
            given = [line.strip() for line in raw.decode("ascii").split("\n") if line.strip()]
        if not 2 <= len(given) <= 3 or not all(isinstance(each, str) for each in given):
            return None
        secret = base64.b64decode(given[1], validate=True)
    except (ValueError, KeyError, RecursionError):
        return None
    sound = _KEY.fullmatch(given[0]) is not None and len(secret) >= MIN_SECRET
    return AudiohookSecret(given[0], secret, given[2] if len(given) > 2 else None) if sound else None


class AudiohookVerifier:
    """Lets a signed upgrade in once. `now`: seconds since the epoch. What was signed before the verifier began is
    refused: the one before may have let it in. Memory: a nonce for each upgrade let in that is still fresh."""

    def __init__(self, secret: AudiohookSecret, now: Callable[[], float]) -> None:
        self._secret = secret
        self._now = now
        self._began = int(now())
        self._nonces: dict[str, int] = {}

    def admits(self, target: str, headers: Mapping[str, str]) -> bool:
        """Whether the signature is ours, is fresh, and was not let in before. `target` as it was sent, with its query;
        names of `headers` in lower case."""
        signed = _read(headers.get("signature-input", ""), headers.get("signature", ""))
        if signed is None or not self._is_ours(signed, target, headers):
            return False
        now = self._now()
        created, nonce = signed.number("created"), signed.text("nonce")
        last = min(created + MAX_AGE_SECONDS, signed.number("expires", created + MAX_AGE_SECONDS))
        self._nonces = {known: until for known, until in self._nonces.items() if until >= now}
        if not self._began <= created <= now + MAX_SKEW_SECONDS or now > last or nonce in self._nonces:
            return False
        self._nonces[nonce] = created + MAX_AGE_SECONDS
        return True

    def _is_ours(self, signed: "_Signed", target: str, headers: Mapping[str, str]) -> bool:
        """Whether it is made with our secret, over all that it must cover."""
        secret = self._secret
        keys = (signed.text("keyid"), headers.get("x-api-key", "").strip())
        organization = headers.get("audiohook-organization-id", "").strip().lower()
        known = all(hmac.compare_digest(key.encode(), secret.api_key.encode()) for key in keys)
        known &= secret.organization is None or organization == secret.organization.lower()
        known &= signed.text("alg", _ALGORITHM) == _ALGORITHM and len(signed.text("nonce")) >= MIN_NONCE
        known &= set(COVERED) <= set(signed.components)
        host = headers.get("host", "").strip().lower()
        for authority in dict.fromkeys((host, _DEFAULT_PORT.sub("", host))):
            base = signed.base({**headers, "@request-target": target, "@authority": authority})
            made = hmac.new(secret.client_secret, base, hashlib.sha256).digest()
            if hmac.compare_digest(made, signed.signature) and known:
                return True
        return False


@dataclass(frozen=True, slots=True)
class _Signed:
    """`components` and `parameters` in the order in which they were signed; texts still quoted."""

    components: tuple[str, ...]
    parameters: Mapping[str, str]
    signature: bytes

    def text(self, name: str, default: str = "") -> str:
        value = self.parameters.get(name)
        if value is None:
            return default
        return _unquoted(value) if value.startswith('"') else ""

    def number(self, name: str, default: int = -1) -> int:
        value = self.parameters.get(name)
        if value is None:
            return default
        return -1 if value.startswith('"') else int(value)

    def base(self, values: Mapping[str, str]) -> bytes:
        """What is signed (section 2.3 of the draft); a component that is not there stands empty."""
        lines = [f'"{name}": {values.get(name, "").strip()}' for name in self.components]
        covered = " ".join(f'"{name}"' for name in self.components)
        parameters = "".join(f";{name}={value}" for name, value in self.parameters.items())
        return "\n".join([*lines, f'"@signature-params": ({covered}){parameters}']).encode()


def _read(given: str, signature: str) -> _Signed | None:
    """The one signature there is; None for what is out of form, or says something twice."""
    if max(len(given), len(signature)) > _MAX_FIELD:
        return None
    over, made = _INPUT.fullmatch(given), _SIGNATURE.fullmatch(signature)
    if over is None or made is None or over[1] != made[1]:
        return None
    components = tuple(_unquoted(text) for text in _COMPONENT.findall(over[2]))
    parameters = _PARAMETER.findall(over[3])
    twice = len(set(components)) != len(components) or len(dict(parameters)) != len(parameters)
    if twice or any('"' in name or "\\" in name for name in components):
        return None
    try:
        return _Signed(components, dict(parameters), base64.b64decode(made[2], validate=True))
    except ValueError:
        return None


def _unquoted(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text[1:-1])
