"""The event that API Gateway (REST, payload format 1) makes of a request to us, for whoever asks the answer book without API Gateway.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-example-event
"""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from lambdas.answer.request import Event

#: The resource that API Gateway matches below each first part of a path, as `stacks/fallback_stack.py` makes them.
RESOURCES = {
    "voice": "/voice/{proxy+}",
    "sms": "/sms/{proxy+}",
    "trunk": "/trunk/{trunk}",
    "sip": "/sip/{domain}",
    "app": "/app/{app}",
}


def gateway_event(base: str, path: str, fields: Mapping[str, str]) -> Event:
    """The event of a form posted to `path` (`/voice`, `/trunk/main`) below `base` (`https://host/v1`)."""
    first, _, rest = path.strip("/").partition("/")
    resource = RESOURCES[first] if rest else f"/{first}"
    parts = urlsplit(base)
    return {
        "resource": resource,
        "pathParameters": {resource.rpartition("{")[2].rstrip("+}"): rest} if rest else None,
        "httpMethod": "POST",
        "headers": {},
        "body": urlencode(fields),
        "isBase64Encoded": False,
        "requestContext": {"domainName": parts.netloc, "path": parts.path + path, "requestId": ""},
    }
