"""Alerts go to no web address beyond this machine: settings that name a real pager are run here too, and it shall stay silent."""

from urllib.parse import urlsplit

from ministack.services import sns

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _post(endpoint: str, payload: str, message_type: str) -> int:
    if urlsplit(endpoint).hostname not in LOOPBACK:
        return 200
    status: int = _post_anywhere(endpoint, payload, message_type)
    return status


_post_anywhere = sns._http_post_sync


def install() -> None:
    """Stand between SNS and the network."""
    sns._http_post_sync = _post
