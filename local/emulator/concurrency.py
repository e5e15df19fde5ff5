"""How much Lambda runs at once. ministack knows the account's quota (`LAMBDA_ACCOUNT_CONCURRENCY`) and what a function reserves, but

- applies a reservation to `$LATEST` alone, and takes none from a template;
- reserves whatever is asked for: AWS leaves 100 executions to functions without a reservation, or 10 in an account that has no more;
- lets all functions take what one has reserved.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html. The 10 is what accounts with a quota of 10 report:
https://zenn.dev/p0n/articles/96dcf916a11507
"""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from local.emulator.admin import Json

LEFT = 100  #: executions that are left to functions without a reservation
REFUSED = (
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{}]."
)


def _reserved(function: Json, config: Json) -> int | None:
    whole = lambda_svc._functions.get(config["FunctionName"]) or function
    limit: int | None = _reserved_concurrency(whole, config)
    return limit


def _reservations() -> dict[str, int]:
    """What the functions of this account and region have reserved."""
    return {name: int(function["concurrency"]) for name, function in lambda_svc._functions.items() if function.get("concurrency")}


def _refusal(function: str, wanted: int) -> str | None:
    """Why AWS would not reserve so many."""
    quota = lambda_svc._ACCOUNT_CONCURRENCY_CAP or 1000
    others = sum(reserved for name, reserved in _reservations().items() if name != function)
    least = min(LEFT, quota)
    return REFUSED.format(least) if wanted and quota - others - wanted < least else None


def _put(function: str, data: Json) -> Any:
    refusal = _refusal(function, int(data.get("ReservedConcurrentExecutions", 0)))
    if refusal:
        return error_response_json("InvalidParameterValueException", refusal, 400)
    return _put_function_concurrency(function, data)


def _acquire(function: Json, config: Json) -> tuple[str | None, str | None]:
    """Room for one more execution: of the function's own, or of what nobody has reserved."""
    own, key, reservations = _reserved(function, config), lambda_svc._inflight_key(config), _reservations()
    with lambda_svc._inflight_lock:
        running = lambda_svc._inflight
        if own is not None and running.get(key, 0) >= own:
            return None, "function"
        if own is None and lambda_svc._ACCOUNT_CONCURRENCY_CAP > 0:
            place = key.rpartition(":")[0]
            shared = [of for of in running if of.rpartition(":")[0] == place and of.rpartition(":")[2] not in reservations]
            if sum(running[of] for of in shared) >= lambda_svc._ACCOUNT_CONCURRENCY_CAP - sum(reservations.values()):
                return None, "account"
        running[key] = running.get(key, 0) + 1
        lambda_svc._inflight_total += 1
    return key, None


def _keeping_reservation(provision: Callable[..., Any]) -> Callable[..., Any]:
    """CloudFormation's creation or update of a function, with what its template reserves. Raises ValueError for what AWS refuses."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        name, properties = (arguments[0], arguments[2]) if provision is _update else ("", arguments[1])
        wanted = properties.get("ReservedConcurrentExecutions")
        if refusal := _refusal(name, int(wanted or 0)):
            raise ValueError(f'Resource handler returned message: "{refusal}"')
        provisioned = provision(*arguments, **named)
        lambda_svc._functions[provisioned[0]]["concurrency"] = None if wanted is None else int(wanted)
        return provisioned

    return wrapped


_reserved_concurrency: Any = lambda_svc._reserved_concurrency
_put_function_concurrency: Any = lambda_svc._put_function_concurrency
_function = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
_update = _function["update"]


def install() -> None:
    """Look a limit up at the function, whatever version runs, and refuse what AWS refuses."""
    lambda_svc._reserved_concurrency = _reserved
    lambda_svc._put_function_concurrency = _put
    lambda_svc._acquire_execution_slot = _acquire
    _function["create"] = _keeping_reservation(_function["create"])
    _function["update"] = _keeping_reservation(_function["update"])
