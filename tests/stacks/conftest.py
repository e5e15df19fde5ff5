"""The synthesized templates of the environments, made once for all tests."""

from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from answerbook.compile import compile_book
from config.settings import load
from stacks.fallback_stack import FallbackStack

ENVIRONMENTS = ("local", "staging", "production")


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
