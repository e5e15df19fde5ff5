"""How a function that CloudFormation invokes during a deployment answers it: a custom resource that gets no answer holds up everything.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

SECONDS = 10.0  #: for the answer
LONGEST_REASON = 500  #: characters; CloudFormation takes 4,096 bytes in all


def answer(event: Mapping[str, Any], resource: str, failure: str = "") -> None:
    """Tell CloudFormation that a step is done, or why it failed; `resource` is the physical id. Raises OSError."""
    kept = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    said = {"Status": "FAILED", "Reason": failure[:LONGEST_REASON]} if failure else {"Status": "SUCCESS"}
    body = json.dumps(kept | said | {"PhysicalResourceId": resource}).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request, timeout=SECONDS).close()
