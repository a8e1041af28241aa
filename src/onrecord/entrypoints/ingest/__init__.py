"""Media doors: WebSocket servers that parse at the edge and hand frames to the gates."""
