"""Names that CloudFormation makes differ from region to region; ministack's do not, and the roles of two stacks of one name become one.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
"""

import hashlib
from typing import Any

from ministack.core.responses import get_region
from ministack.services.cloudformation import provisioners

SUFFIX = 13  #: characters at the end of a name that tell it from others

_original = provisioners._physical_name


def _physical_name(stack: str, logical_id: str, **limits: Any) -> str:
    name: str = _original(stack, logical_id, **limits)
    suffix = hashlib.sha256(f"{name}:{get_region()}".encode()).hexdigest()[:SUFFIX]
    return name[:-SUFFIX] + (suffix if limits.get("lowercase") else suffix.upper())


def install() -> None:
    """Let the region be part of every name."""
    provisioners._physical_name = _physical_name
