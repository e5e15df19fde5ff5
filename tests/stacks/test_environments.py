"""Four kilobytes of environment: what AWS would refuse in the middle of a deployment is refused before it begins."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from answerbook.compile import compile_book
from config.mistakes import ConfigError
from config.settings import Settings, load
from stacks.environments import refuse_large_environments
from stacks.fallback_stack import FallbackStack


def template(settings: Settings) -> dict[str, Any]:
    """What would be deployed."""
    return dict(Template.from_stack(FallbackStack(App(), settings, compile_book(settings))).to_json())


def with_trunks(settings: Settings) -> Settings:
    """Sixty trunks, each of which the probe would ask."""
    return settings.model_copy(
        update={"twilio": settings.twilio.model_copy(update={"trunks": tuple(f"a-long-name-{n}" for n in range(60))})}
    )


def with_accounts(settings: Settings) -> Settings:
    """More subaccounts than fit."""
    accounts = tuple(f"AC{number:032x}" for number in range(120))
    return settings.model_copy(update={"twilio": settings.twilio.model_copy(update={"accounts": accounts})})


@pytest.mark.parametrize(("change", "remedy"), [(with_trunks, r"\[probe\] urls"), (with_accounts, "deploy a second one")])
def test_more_than_lambda_takes_is_refused_with_what_helps(change: Callable[[Settings], Settings], remedy: str) -> None:
    settings = change(load("production"))
    with pytest.raises(ConfigError, match=remedy):
        refuse_large_environments(template(settings))


def test_a_company_of_some_size_fits() -> None:
    """Twenty trunks and thirty subaccounts."""
    settings = load("production")
    accounts = tuple(f"AC{number:032x}" for number in range(30))
    twilio = settings.twilio.model_copy(update={"accounts": accounts, "trunks": tuple(f"trunk-{n}" for n in range(20))})
    refuse_large_environments(template(settings.model_copy(update={"twilio": twilio})))
