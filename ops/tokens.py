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
from lambdas.answer.journal import is_sid
from lambdas.answer.tokens import OLD_AFTER
from lambdas.workers.twilio_regions import CITIES, Home, names_of
from ops.deployment import Deployment, OpsError, explained
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionOption
from ops.screen import out

TOKEN = re.compile(r"[0-9a-zA-Z_-]{16,128}")
#: https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys
SHARED_KEY = re.compile(r"webhooks_sharedkey_[0-9A-Za-z]{20,40}")
SHARED_SECRET = re.compile(r"[!-~]{16,512}")
MOST = 2 * len(CITIES)  #: tokens of an account: the one that signs and its successor, in each Region
#: What is asked for, and where it is to be had: for an account, and for a shared key.
WHERE_FROM = {
    False: "Auth Token: copy it from the Twilio console (Account > API keys & tokens)",
    True: "secret of a shared key: Twilio shows it once, in the answer that makes the key",
}
FAULTS = {
    "refused": "Twilio refuses a token of it: rotated away, mistyped, or of another Region (`fallback tokens add AC…@ie1`)",
    "missing": "has no token: callers of it are strangers",
    "unknown": f"names a Region that Twilio does not have; there are {', '.join(CITIES)}",
}
Account = Annotated[str, typer.Argument(help="account SID, as the Twilio console shows it; of another Region than US1 with it: AC…@ie1")]
Signer = Annotated[str, typer.Argument(help="account SID, with its Region where that is not US1 (AC…@ie1), or id of a shared key")]

IN_FORCE = round(OLD_AFTER / 60) + 1  #: minutes until no function in use knows a token that was taken away


def add_token(signer: Signer, environment: EnvironmentOption = PRODUCTION, region: RegionOption = None) -> None:
    """Add an account's Auth Token, or the secret of a shared key. It is asked for without echo, or read from standard input.

    Those before stay valid, so that a rotation drops nobody: add the new token, promote it at Twilio, then `fallback tokens prune`. Each
    Region of Twilio has tokens of its own.

    Examples:

        fallback tokens add AC00000000000000000000000000000002

        fallback tokens add AC00000000000000000000000000000002@ie1

        fallback tokens add webhooks_sharedkey_01k5h4v2x8r7q9m3n6p0s4t1w2
    """
    name = checked_signer(signer)
    deployment = Deployment.find(environment, region)
    put(deployment, "TokensSecretArn", with_token(read(deployment, "TokensSecretArn"), name, asked_for("secret")))
    check = f"Whether Twilio takes it: `{deployment.command('tokens check')}`"
    out.print(f"added; {name} is verified within a minute. {'' if is_shared(name) else check}".strip(), soft_wrap=True)


def list_tokens(environment: EnvironmentOption = PRODUCTION, region: RegionOption = None, as_json: JsonOption = False) -> None:
    """How many tokens each account has, and which shared keys. Region by Region; the tokens themselves are never shown.

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

    Each is tried in the Region that it was added for. Shared keys cannot be tried: they sign, and open nothing.

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


def prune_tokens(signer: Signer, environment: EnvironmentOption = PRODUCTION, region: RegionOption = None) -> None:
    """Forget an account's older tokens. Once Twilio signs with the newest; in force within minutes.

    One is left for each Region; with a Region named (AC…@ie1, AC…@us1) the others' stay as they are.

    Example:

        fallback tokens prune AC00000000000000000000000000000002
    """
    deployment = Deployment.find(environment, region)
    tokens = read(deployment, "TokensSecretArn")
    put(deployment, "TokensSecretArn", {**tokens, **{name: as_list(tokens[name])[:1] for name in meant(tokens, signer)}})
    out.print(f"done; the newest is left. Functions that are in use forget the others within {IN_FORCE} minutes of their next request.")


def remove_token(signer: Signer, environment: EnvironmentOption = PRODUCTION, region: RegionOption = None) -> None:
    """Forget a shared key, an account, or a Region that it left. All of its secrets go: of an account those of every Region, unless one is
    named (AC…@ie1, AC…@us1).

    Example:

        fallback tokens remove webhooks_sharedkey_01k5h4v2x8r7q9m3n6p0s4t1w2
    """
    deployment = Deployment.find(environment, region)
    tokens = read(deployment, "TokensSecretArn")
    going = meant(tokens, signer)
    put(deployment, "TokensSecretArn", {name: value for name, value in tokens.items() if name not in going})
    out.print(f"done. Functions that are in use forget it within {IN_FORCE} minutes of their next request.")


def set_key(
    account: Account,
    key: Annotated[str, typer.Argument(help="API key SID: SK and 32 hexadecimal digits")],
    environment: EnvironmentOption = PRODUCTION,
    region: RegionOption = None,
) -> None:
    """Set the API key that asks for recordings and missed calls. Its secret is asked for without echo.

    Each Region of Twilio has keys of its own: an account is asked in those Regions for which there is a key here.

    Examples:

        fallback key AC00000000000000000000000000000002 SK00000000000000000000000000000001

        fallback key AC00000000000000000000000000000002@ie1 SK00000000000000000000000000000003
    """
    deployment = Deployment.find(environment, region)
    keys = with_key(read(deployment, "TwilioKeysSecretArn"), checked_account(account), key, asked_for("API key secret"))
    put(deployment, "TwilioKeysSecretArn", keys)
    out.print("set")


def asked_for(what: str) -> str:
    """A secret from the keyboard without echo, or from standard input where that is no terminal."""
    return typer.prompt(what, hide_input=True).strip() if sys.stdin.isatty() else sys.stdin.readline().strip()


def checked_account(name: str) -> str:
    """An account SID, with its Region where that is not US1. Raises OpsError."""
    try:
        home = Home.named(name)
        return Home(account_sid(home.account), home.region).name
    except ValueError as error:
        raise OpsError(str(error)) from error


def checked_signer(name: str) -> str:
    """The same, or the id of a shared key. Raises OpsError."""
    return name if SHARED_KEY.fullmatch(name) else checked_account(name)


def is_shared(name: str) -> bool:
    """Whether a name is that of a shared key."""
    return bool(SHARED_KEY.fullmatch(name))


def read(deployment: Deployment, output: str) -> dict[str, Any]:
    """The secret that an output names. Raises OpsError."""
    with explained(f"the secret {output}"):
        value = json.loads(deployment.client("secretsmanager").get_secret_value(SecretId=deployment[output])["SecretString"])
    return value if isinstance(value, dict) else {}


def put(deployment: Deployment, output: str, value: Mapping[str, Any]) -> None:
    """Write the secret anew. Raises OpsError."""
    with explained(f"the secret {output}"):
        deployment.client("secretsmanager").put_secret_value(SecretId=deployment[output], SecretString=json.dumps(value))


def with_token(tokens: Mapping[str, Any], name: str, token: str) -> dict[str, Any]:
    """The tokens with one more, the newest first. None is dropped unasked: Twilio may still sign with it. Raises OpsError."""
    if not (SHARED_SECRET if is_shared(name) else TOKEN).fullmatch(token):
        raise OpsError(f"that is no {WHERE_FROM[is_shared(name)]}")
    others = {each: [known for known in as_list(tokens[each]) if known != token] for each in siblings(tokens, name)}
    if sum(map(len, others.values())) >= MOST:
        raise OpsError(f"{name} has {MOST} tokens: `fallback tokens prune {name}` keeps the newest of each Region; then add this one")
    return {**tokens, **others, name: [token, *others.get(name, [])]}


def meant(tokens: Mapping[str, Any], signer: str) -> list[str]:
    """The names in the secret for which this one stands: of an account in each of its Regions, unless one is named (`AC…@us1` too). Raises
    OpsError where there are none."""
    name = checked_signer(signer)
    names = [name] if "@" in signer else siblings(tokens, name)
    found = [each for each in names if each in tokens and each != PROBE_ACCOUNT]
    if not found:
        raise OpsError(f"{signer} has no token here; there are tokens of {', '.join(counted(tokens)) or 'no account'}")
    return found


def siblings(tokens: Mapping[str, Any], name: str) -> list[str]:
    """The names of the same account, in whichever Region; of a shared key its own."""
    return names_of(name.partition("@")[0], tokens)


def with_key(keys: Mapping[str, Any], account: str, key: str, secret: str) -> dict[str, Any]:
    """The API keys with that of one account, in one Region."""
    if not is_sid(key, "SK"):
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
