"""What the platforms sign with; a door whose secret is not given lets everybody with a stream token in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secrets:
    twilio_auth_token: bytes | None = None
    exotel_basic: bytes | None = None  # user:password
