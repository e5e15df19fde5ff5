"""The whole thing on one laptop: a local cloud and a stand-in Twilio. Nothing here is ever deployed."""
