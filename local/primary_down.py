"""The primary that is down, at the address that the settings give it: so what Twilio reports of it, and what may be handed back, is what
it would be in production."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from config.deployable import LOOPBACK
from config.settings import Settings
from local.twilio import StandInTwilio
from local.twilio.primary import Fails, Primary, refusing_url

EXAMPLE = "app.example.com"  #: where the settings name no host


def primary_host(settings: Settings) -> str:
    """The first host of [primary] hosts that is not this machine."""
    return next((host for host in settings.primary.hosts if host not in LOOPBACK), EXAMPLE)


@contextmanager
def refusing(twilio: StandInTwilio, host: str) -> Iterator[str]:
    """The root of a host's addresses, to which every connection is refused."""
    with refusing_url() as url:
        lead(twilio, host, url)
        yield f"https://{host}"


@contextmanager
def failing(twilio: StandInTwilio, host: str) -> Iterator[str]:
    """The root of a host's addresses, each of which answers HTTP 500."""
    with Primary() as primary:
        primary.behaves("", Fails(500))
        lead(twilio, host, primary.url)
        yield f"http://{host}"


def lead(twilio: StandInTwilio, host: str, url: str) -> None:
    """Let the host's name lead to an address of this machine."""
    parts = urlsplit(url)
    twilio.platform.webhooks.resolver.leads(host, (str(parts.hostname), int(parts.port or 0)))
