"""Pure sound: codecs at the sample level, tones, silence."""
