"""Whom Twilio asks what to do, and whom it asks when that went wrong.

Source: https://www.twilio.com/docs/usage/security/availability-reliability: a request that fails, or a document that
cannot be executed, leads at once to the *configured* fallback URL with ErrorCode and ErrorUrl.
"""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from local.twilio.error import TwilioError
from local.twilio.exchange import Ask
from local.twilio.undocumented import Undocumented


@dataclass(frozen=True)
class Handler:
    """What is configured: a URL, and the one that takes over when it fails ("" for none)."""

    url: str
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"


def fallback(handler: Handler, failed: Ask, error: TwilioError, undocumented: Undocumented, *, used: bool) -> Ask:
    """The request of the fallback URL, which was `used` before or not.

    Raises the error when there is no fallback, or when it was its request that failed.
    """
    itself = failed.purpose == "fallback" and error.url == failed.url
    if not handler.fallback_url or itself or (used and not undocumented.fallback_is_asked_again):
        raise error
    facts = {"ErrorCode": str(error.code), "ErrorUrl": shown(error.url, undocumented)}
    request = Ask(handler.fallback_url, handler.fallback_method, facts, "fallback")
    return replace(request, token=failed.token) if undocumented.fallback_keeps_idempotency_token else request


def shown(url: str, undocumented: Undocumented) -> str:
    """A URL as ErrorUrl shows it."""
    parts = urlsplit(url)
    if not undocumented.error_url_keeps_userinfo:
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    if not undocumented.error_url_keeps_query:
        parts = parts._replace(query="")
    if not undocumented.error_url_keeps_fragment:
        parts = parts._replace(fragment="")
    return parts.geturl()
