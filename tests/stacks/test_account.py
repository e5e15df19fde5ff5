"""The account of the settings: the CLI refuses credentials of another one before anything is made."""

from aws_cdk import App

from answerbook.compile import compile_book
from config.settings import load
from config.tables import Aws
from stacks.fallback_stack import FallbackStack


def test_the_account_of_the_settings_is_the_one_that_is_deployed_into() -> None:
    settings = load("production").model_copy(update={"aws": Aws(account="123456789012")})
    assert FallbackStack(App(), settings, compile_book(settings)).account == "123456789012"


def test_without_one_it_is_that_of_the_credentials() -> None:
    settings = load("production")
    assert "123456789012" not in FallbackStack(App(), settings, compile_book(settings)).account
