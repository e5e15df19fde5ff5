"""What several unit tests need."""

import pytest

from local.twilio.audio import speech


@pytest.fixture(scope="session")
def hello() -> bytes:
    """A WAV file in which something is said."""
    return speech("Hello")
