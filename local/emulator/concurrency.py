"""Reserved concurrency holds for all versions and aliases of a function; ministack applies it to `$LATEST` alone.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from ministack.services import lambda_svc

from local.emulator.admin import Json


def _reserved(function: Json, config: Json) -> int | None:
    whole = lambda_svc._functions.get(config["FunctionName"]) or function
    limit: int | None = _reserved_concurrency(whole, config)
    return limit


_reserved_concurrency = lambda_svc._reserved_concurrency


def install() -> None:
    """Look the limit up at the function, whatever version runs."""
    lambda_svc._reserved_concurrency = _reserved
