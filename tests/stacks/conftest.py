"""The synthesized templates of the environments, made once for all tests."""

import wave
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from answerbook.compile import compile_book
from config.settings import load, parse
from stacks.fallback_stack import FallbackStack
from tests.unit.books import settings_text

ENVIRONMENTS = ("local", "staging", "production")
OUTGOING = (
    '[answer.out]\nflow = "dial_through"\ncaller_id = "+12025550199"\nprefixes = ["+1"]\notherwise = "sorry"\n[[sip]]\nanswer = "out"\n'
)
PLAYING = '[answer.note]\nflow = "play"\nmessage = { audio = "note.wav", text = "Note." }\n'


@pytest.fixture(scope="session")
def templates() -> dict[str, Template]:
    """The template of each environment's stack."""
    found = {}
    for environment in ENVIRONMENTS:
        settings = load(environment)
        found[environment] = Template.from_stack(FallbackStack(App(), settings, compile_book(settings)))
    return found


@pytest.fixture(scope="session")
def production(templates: dict[str, Template]) -> dict[str, Any]:
    """The template of production, as JSON."""
    return dict(templates["production"].to_json())


@pytest.fixture(scope="session")
def playing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An environment with a recorded message and a SIP domain."""
    templates = tmp_path_factory.mktemp("audio") / "templates"
    (templates / "play").mkdir(parents=True)
    with wave.open(str(templates / "play" / "note.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    settings = parse("test", settings_text(PLAYING + OUTGOING, voice="note", twilio='sip_domains = ["office"]'), Path("test.toml"))
    return dict(Template.from_stack(FallbackStack(App(), settings, compile_book(settings, templates), templates)).to_json())
