"""The AWS regions that there are, and those in which this stack can stand."""

import functools
import re
from typing import Any

from botocore.loaders import create_loader

from config.mistakes import nearest

#: Partitions in which the stack can stand: their addresses end in `amazonaws.com`, and the public reaches both.
OURS = ("aws", "aws-us-gov")
#: Why it stands nowhere else. https://www.amazonaws.cn/en/support/icp/
ELSEWHERE = {
    "aws-cn": "AWS China, where nothing answers the public before an ICP filing",
    "aws-eusc": "the AWS European Sovereign Cloud, whose addresses end in amazonaws.eu: nobody has tried this stack there",
}
ISOLATED = "a partition of AWS that the public, and with it Twilio, cannot reach"


@functools.cache
def _partitions() -> dict[str, dict[str, Any]]:
    """What the installed SDK knows. A session would tell the same in a hundred times the time."""
    return {each["id"]: each for each in create_loader().load_data("partitions")["partitions"]}


@functools.cache
def _by_region() -> dict[str, str]:
    """Each region's partition."""
    return {name: part for part, each in _partitions().items() for name in each["regions"] if not name.endswith("-global")}


def regions() -> list[str]:
    """The regions in which the stack can stand, as the installed SDK knows them; each has Lambda."""
    return [name for name, part in _by_region().items() if part in OURS]


def known_region(name: str) -> str:
    """Refuse what is no region of AWS, in whichever partition: the primary may be anywhere."""
    if name in _by_region():
        return name
    new = any(re.match(each["regionRegex"], name) for each in _partitions().values())
    newer = " (a region that is newer than the installed AWS SDK comes with `make lock`)" if new else ""
    raise ValueError(f"{name!r} is not an AWS region with Lambda{nearest(name, _by_region())}{newer}")


def our_region(name: str) -> str:
    """Refuse a region in which the stack cannot stand."""
    if (part := _by_region()[known_region(name)]) not in OURS:
        raise ValueError(f"{name!r} lies in {ELSEWHERE.get(part, ISOLATED)}; choose a region of AWS or of AWS GovCloud (US)")
    return name
