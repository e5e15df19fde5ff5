"""How Twilio signs: which form of the URL (https://www.twilio.com/docs/usage/security), computed by Twilio's SDK."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from twilio.request_validator import RequestValidator

Medium = Literal["voice", "sms"]


@dataclass
class Tokens:
    """The Auth Tokens of an account in a Region: the primary one signs until the secondary one is promoted.

    https://www.twilio.com/docs/iam/api/secondary_authtoken, https://www.twilio.com/docs/iam/api/authtoken
    """

    primary: str
    secondary: str = ""

    @property
    def accepted(self) -> list[str]:
        """Those that the API takes."""
        return [self.primary, *([self.secondary] if self.secondary else [])]

    def promote(self) -> None:
        """Let the secondary one take the place of the primary one. Raises ValueError without one."""
        if not self.secondary:
            raise ValueError("there is no secondary Auth Token to promote")
        self.primary, self.secondary = self.secondary, ""


def signed_url(url: str, medium: Medium) -> str:
    """The URL as it is signed: no fragment, no user info, and for HTTPS voice requests no port."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https" and medium == "voice" and parts.port is not None:
        host = host.rpartition(":")[0]
    return parts._replace(netloc=host, fragment="").geturl()


def signature(token: str, url: str, medium: Medium, form: Mapping[str, str], algorithm: str = "HMAC_SHA1") -> str:
    """X-Twilio-Signature of a request; `form` is empty for a GET, whose parameters are in the URL. Shared keys sign with HMAC_SHA256."""
    return str(RequestValidator(token).compute_signature(signed_url(url, medium), dict(form), algorithm))
