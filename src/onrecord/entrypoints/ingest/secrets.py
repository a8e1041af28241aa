"""What the platforms sign with; a door whose secret is not given lets everybody with a stream token in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secrets:
    twilio_auth_token: bytes | None = None
    exotel_basic: bytes | None = None  # user:password

    def unchecked(self) -> list[str]:
        """The doors whose platform shows nothing that could be checked."""
        given = {"twilio": self.twilio_auth_token, "exotel": self.exotel_basic}
        return [door for door, secret in given.items() if secret is None]
