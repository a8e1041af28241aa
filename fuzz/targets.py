"""What can be fuzzed, by name: a module of this package, and what it drives, which is watched for coverage."""

TARGETS = {
    "twilio": ["onrecord.capture.wire"],
    "exotel": ["onrecord.capture.wire"],
    "audiohook": ["onrecord.capture.wire"],
    "audiohook_frame": ["onrecord.capture.wire"],
    "neutral_text": ["onrecord.capture.wire"],
    "neutral_frame": ["onrecord.capture.wire"],
    "messages": ["onrecord.entrypoints.ingest.messages"],
    "upgrade": [
        "onrecord.entrypoints.ingest.upgrade",
        "onrecord.entrypoints.ingest.signature",
        "onrecord.entrypoints.ingest.httpsignature",
    ],
}
