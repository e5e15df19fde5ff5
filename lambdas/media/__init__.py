"""The media function: the audio that callers hear, out of its own zip. Standard library only."""
