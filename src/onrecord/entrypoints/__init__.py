"""Doors: HTTP API, command line, media sockets, and the one composition root."""
