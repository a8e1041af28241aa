"""What the platforms sign with; a door whose secret is not given lets everybody with a stream token in."""

from dataclasses import dataclass

from onrecord.entrypoints.ingest.httpsignature import AudiohookVerifier


@dataclass(frozen=True, slots=True)
class Secrets:
    twilio_auth_token: bytes | None = None
    exotel_basic: bytes | None = None  # user:password
    audiohook: AudiohookVerifier | None = None

    def unchecked(self) -> list[str]:
        """The doors whose platform shows nothing that could be checked."""
        given = {"twilio": self.twilio_auth_token, "exotel": self.exotel_basic, "audiohook": self.audiohook}
        return [door for door, secret in given.items() if secret is None]
