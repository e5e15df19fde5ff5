"""`fallback tokens` and `fallback key`: what Twilio's requests are verified with, and what recordings are fetched with.

Secrets are asked for without echo or read from standard input, so that they are on no screen and in no shell history; they are never
printed. The rest of a secret (other accounts, the probe's own token) stays as it is.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from config.checks import account_sid
from lambdas.answer.book import PROBE_ACCOUNT
from lambdas.answer.tokens import OLD_AFTER
from ops.deployment import Deployment, OpsError, explained
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionOption
from ops.screen import out

TOKEN = re.compile(r"[0-9a-zA-Z_-]{16,128}")
API_KEY = re.compile(r"SK[0-9a-f]{32}")
FAULTS = {"refused": "Twilio refuses a token of it: rotated away, or mistyped", "missing": "has no token: callers of it are strangers"}
Account = Annotated[str, typer.Argument(help="account SID, as the Twilio console shows it")]

IN_FORCE = round(OLD_AFTER / 60) + 1  #: minutes until no function in use knows a token that was taken away


def add_token(account: Account, environment: EnvironmentOption = PRODUCTION, region: RegionOption = None) -> None:
    """Add an account's Auth Token. It is asked for without echo, or read from standard input.

    The one before stays valid, so that a rotation drops nobody: add the new token, promote it at Twilio, then `fallback tokens prune`.

    Example:

        fallback tokens add AC00000000000000000000000000000002
    """
    sid = checked_account(account)
    deployment = Deployment.find(environment, region)
    put(deployment, "TokensSecretArn", with_token(read(deployment, "TokensSecretArn"), sid, asked_for("Auth Token")))
    out.print(f"added; {sid} is verified within a minute. Whether Twilio takes it: `{deployment.command('tokens check')}`", soft_wrap=True)


def list_tokens(environment: EnvironmentOption = PRODUCTION, region: RegionOption = None, as_json: JsonOption = False) -> None:
    """How many tokens each account has. The tokens themselves are never shown.

    Example:

        fallback tokens list --json
    """
    deployment = Deployment.find(environment, region)
    found = counted(read(deployment, "TokensSecretArn"))
    if as_json:
        print(json.dumps(found))
        return
    for account, count in found.items():
        out.print(f"{account}  {count}")
    if not found:
        out.print(
            f"no token yet: callers get the unverified answer. Add one with `{deployment.command('tokens add AC...')}`", soft_wrap=True
        )


def check_tokens(environment: EnvironmentOption = PRODUCTION, region: RegionOption = None, as_json: JsonOption = False) -> None:
    """Try every stored token against Twilio now. As happens daily; its alarm follows what is found.

    Example:

        fallback tokens check
    """
    found = tried(Deployment.find(environment, region))
    if as_json:
        print(json.dumps(found))
        return
    for fault in found:
        out.print(f"{fault['account']}  {FAULTS[fault['fault']]}")
    if not found:
        out.print("every token is accepted by Twilio")


def prune_tokens(account: Account, environment: EnvironmentOption = PRODUCTION, region: RegionOption = None) -> None:
    """Forget an account's older token. Once Twilio signs with the new one; in force within minutes.

    Example:

        fallback tokens prune AC00000000000000000000000000000002
    """
    deployment = Deployment.find(environment, region)
    put(deployment, "TokensSecretArn", without_old_tokens(read(deployment, "TokensSecretArn"), checked_account(account)))
    out.print(f"done; one token is left. Functions that are in use forget the older one within {IN_FORCE} minutes of their next request.")


def set_key(
    account: Account,
    key: Annotated[str, typer.Argument(help="API key SID: SK and 32 hexadecimal digits")],
    environment: EnvironmentOption = PRODUCTION,
    region: RegionOption = None,
) -> None:
    """Set the API key that fetches an account's recordings. Its secret is asked for without echo.

    Example:

        fallback key AC00000000000000000000000000000002 SK00000000000000000000000000000001
    """
    deployment = Deployment.find(environment, region)
    keys = with_key(read(deployment, "TwilioKeysSecretArn"), checked_account(account), key, asked_for("API key secret"))
    put(deployment, "TwilioKeysSecretArn", keys)
    out.print("set")


def asked_for(what: str) -> str:
    """A secret from the keyboard without echo, or from standard input where that is no terminal."""
    return typer.prompt(what, hide_input=True).strip() if sys.stdin.isatty() else sys.stdin.readline().strip()


def checked_account(sid: str) -> str:
    """An account SID. Raises OpsError."""
    try:
        return account_sid(sid)
    except ValueError as error:
        raise OpsError(str(error)) from error


def read(deployment: Deployment, output: str) -> dict[str, Any]:
    """The secret that an output names. Raises OpsError."""
    with explained(f"the secret {output}"):
        value = json.loads(deployment.client("secretsmanager").get_secret_value(SecretId=deployment[output])["SecretString"])
    return value if isinstance(value, dict) else {}


def put(deployment: Deployment, output: str, value: Mapping[str, Any]) -> None:
    """Write the secret anew. Raises OpsError."""
    with explained(f"the secret {output}"):
        deployment.client("secretsmanager").put_secret_value(SecretId=deployment[output], SecretString=json.dumps(value))


def with_token(tokens: Mapping[str, Any], account: str, token: str) -> dict[str, Any]:
    """The tokens with one more, the newest first, two at most an account: a rotation drops nobody."""
    if not TOKEN.fullmatch(token):
        raise OpsError("that is no Auth Token: copy it from the Twilio console (Account > API keys & tokens)")
    before = tokens.get(account, [])
    older = [before] if isinstance(before, str) else list(before)
    return {**tokens, account: [token, *(other for other in older if other != token)][:2]}


def without_old_tokens(tokens: Mapping[str, Any], account: str) -> dict[str, Any]:
    """Only the newest token of an account: what to do once a rotation is over."""
    if not tokens.get(account):
        raise OpsError(f"{account} has no token here; there are tokens of {', '.join(counted(tokens)) or 'no account'}")
    return {**tokens, account: [as_list(tokens[account])[0]]}


def with_key(keys: Mapping[str, Any], account: str, key: str, secret: str) -> dict[str, Any]:
    """The API keys with that of one account."""
    if not API_KEY.fullmatch(key):
        raise OpsError(f"{key!r} is no API key SID: SK and 32 hexadecimal digits, as the Twilio console shows it")
    if not TOKEN.fullmatch(secret):
        raise OpsError("that is no API key secret; Twilio shows it once, when the key is made")
    return {**keys, account: {"key": key, "secret": secret}}


def tried(deployment: Deployment) -> list[dict[str, str]]:
    """What Twilio says of every stored token: an account and its fault, `refused` or `missing`. Raises OpsError."""
    with explained("the check of the tokens"):
        answer = deployment.client("lambda").invoke(FunctionName=deployment["TokenCheckFunctionName"])
        found = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise OpsError(f"the tokens could not be tried: {found.get('errorMessage', 'the function failed')}; its log says more")
    return list(found)


def counted(tokens: Mapping[str, Any]) -> dict[str, int]:
    """How many tokens each account has; the probe's own is not shown."""
    return {account: len(as_list(value)) for account, value in sorted(tokens.items()) if account != PROBE_ACCOUNT}


def as_list(value: Any) -> list[str]:
    """One token or a list of them."""
    return [value] if isinstance(value, str) else list(value)
