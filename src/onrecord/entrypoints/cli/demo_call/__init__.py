"""The demo call: its sound, its script and a player that speaks Twilio Media Streams."""
