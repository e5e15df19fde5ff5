"""What people are told at once when a phone of the company's dials an emergency number: somebody may have to meet those who come.

In the United States such a notification is the law for multi-line telephone systems (47 CFR 9.16(b)(2), Kari's Law).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.workers.command import command_line
from lambdas.workers.events import Line, sid_of
from lambdas.workers.publication import attributes_of, subject_of


def message(line: Line, environment: str) -> dict[str, Any]:
    """The arguments of `publish` but for the topic."""
    subject = f"[{environment}] {line['emergency']} was dialled on {phone_in(line['params'])}"
    facts = {"kind": "emergency", "environment": environment, "number": line["emergency"], "call": sid_of(line["params"])}
    return {
        "Subject": subject_of(subject),
        "Message": "\n".join(lines(line, environment)),
        "MessageAttributes": attributes_of(facts),
    }


def lines(line: Line, environment: str) -> Iterator[str]:
    """The message's text."""
    params = line["params"]
    yield f"An emergency call: {phone_in(params)} dialled {line['emergency']} at {line['time'][:19]} UTC."
    yield f"The fallback answered with {line.get('document', 'nothing')}, because the application that routes such calls is down."
    if ip := params.get("SipSourceIp"):
        yield f"The phone's address is {ip}, on the SIP domain {params.get('SipDomain', '?')}."
    yield "Find out where that phone is, and let somebody meet those who come."
    yield ""
    yield f"The call:  {command_line(f'call {sid_of(params)}', environment)}"
    yield "Should this message come twice, it is the same call."


def phone_in(params: Mapping[str, str]) -> str:
    """The phone, as people of the company know it."""
    return params.get("From") or "an unknown phone"


def is_emergency(line: Line) -> bool:
    """Whether a journal line tells of an emergency call."""
    return bool(line.get("emergency"))
