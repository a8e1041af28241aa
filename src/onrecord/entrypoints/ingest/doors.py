"""The doors that exist, by path."""

from onrecord.entrypoints.ingest.audiohook import AudiohookSocket
from onrecord.entrypoints.ingest.exotel import ExotelSocket
from onrecord.entrypoints.ingest.neutral import NeutralSocket
from onrecord.entrypoints.ingest.socket import MediaSocket
from onrecord.entrypoints.ingest.twilio import TwilioSocket

DOORS: dict[str, type[MediaSocket]] = {
    "/v1/ingest/twilio": TwilioSocket,
    "/v1/ingest/exotel": ExotelSocket,
    "/v1/ingest/audiohook": AudiohookSocket,
    "/v1/ingest/stream": NeutralSocket,
}
