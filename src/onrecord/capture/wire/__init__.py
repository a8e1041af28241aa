"""Wire forms of media streams: one text or binary frame to one message, and back. Pure."""
