"""Is the primary back? Its health addresses, asked by the probe; a change is noted and announced once it has lasted three runs.

One blip is no news. The item of an address (`primary`, `health#<address>`) holds what was announced last and for how many runs in a row
the opposite was seen. Runs never overlap, so a plain write is enough; people are told before it, rather twice than not at all.
"""

import http.client
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lambdas.workers.command import command_line
from lambdas.workers.publication import subject_of
from lambdas.workers.webhook import NotSent, connected

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_sns import SNSClient

IN_A_ROW = 3


class Health:
    """What is known of the primary's health, and whom to tell."""

    def __init__(self, table: "Table", sns: "SNSClient", topic: str, environment: str) -> None:
        self.table = table
        self.sns = sns
        self.topic = topic
        self.environment = environment

    def look(self, url: str, now: datetime) -> None:
        """Ask one address; note and announce what changed."""
        well, seen = status_of(url)
        key = {"pk": "primary", "sk": f"health#{url}"}
        known: dict[str, Any] = dict(self.table.get_item(Key=key, ConsistentRead=True).get("Item") or key | {"well": True, "contrary": 0})
        contrary = 0 if well == known["well"] else int(known["contrary"]) + 1
        if contrary == IN_A_ROW:
            self.announce(url, well, seen, now)
            known, contrary = known | {"well": well, "since": stamp(now)}, 0
        self.table.put_item(Item=known | {"contrary": contrary, "seen": seen, "asked": stamp(now)})

    def announce(self, url: str, well: bool, seen: str, now: datetime) -> None:
        """Tell people."""
        host = (urlsplit(url).hostname or "").encode("idna").decode()  # a subject takes ASCII alone
        subject = f"[{self.environment}] the primary {'is back' if well else 'does not answer its health check'}: {host}"
        text = [
            "The primary answers its health check again. Callers reach it from the next call on, without anybody's doing."
            if well
            else "The primary does not answer its health check. Whoever calls now and cannot reach it is answered by the fallback.",
            f"{url}: {seen}, {IN_A_ROW} times in a row, at {stamp(now)}",
            "",
            f"Next:      {command_line('status', self.environment)}",
            "Runbook:   docs/runbook.md, The primary is failing",
        ]
        self.sns.publish(TopicArn=self.topic, Subject=subject_of(subject), Message="\n".join(text))


def status_of(url: str) -> tuple[bool, str]:
    """Whether an address answers 2xx, and what was seen."""
    parts = urlsplit(url)
    try:
        connection = connected(parts)
    except NotSent:
        return False, "no connection"
    try:
        connection.request("GET", parts._replace(scheme="", netloc="", fragment="").geturl() or "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return False, f"no answer ({type(error).__name__})"
    finally:
        connection.close()
    return 200 <= status < 300, f"HTTP {status}"


def stamp(moment: datetime) -> str:
    """A moment as items bear it: `2026-11-21T02:41:07Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
