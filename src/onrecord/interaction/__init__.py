"""The event-sourced conversation: event types, who an event is about, the fold."""
