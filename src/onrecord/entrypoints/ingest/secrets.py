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
        return [door for door, secret in self._given().items() if secret is None]

    def checks(self, door: str) -> bool:
        """Whether what comes through this door was shown to come from its platform."""
        return self._given().get(door) is not None

    def _given(self) -> dict[str, object]:
        return {"twilio": self.twilio_auth_token, "exotel": self.exotel_basic, "audiohook": self.audiohook}
