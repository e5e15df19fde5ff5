"""One voice webhook of Twilio's for a call whose primary has failed, as API Gateway (REST, payload format 1) hands it over, signed.

https://www.twilio.com/docs/voice/twiml#request-parameters
https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-example-event
"""

import json
from typing import Any
from urllib.parse import quote, urlencode

from twilio.request_validator import RequestValidator

HOST = "abcdefghij.execute-api.us-east-1.amazonaws.com"
PLACE = {"City": "SPRINGFIELD", "Country": "US", "State": "OR", "Zip": "97477"}


def form(account: str) -> dict[str, str]:
    """The 28 fields of a call from a number of a place, with the error that made Twilio turn to us."""
    caller, called = "+15005550001", "+15005550006"
    numbers = {"From": caller, "Caller": caller, "To": called, "Called": called}
    places = {f"{name}{part}": value for name in numbers for part, value in PLACE.items()}
    return numbers | places | {
        "AccountSid": account,
        "ApiVersion": "2010-04-01",
        "CallSid": "CA" + "0" * 31 + "1",
        "CallStatus": "ringing",
        "CallToken": quote(json.dumps({"parentCallInfoToken": "e30." * 60, "identityHeaderTokens": []})),
        "Direction": "inbound",
        "ErrorCode": "11205",
        "ErrorUrl": "https://app.example.com/voice/incoming",
        "StirVerstat": "TN-Validation-Passed-A",
    }  # fmt: skip


def event(account: str, token: str) -> bytes:
    """The event's JSON, with the signature that `token` makes of it."""
    path = "/v1/voice"
    fields = form(account)
    signature = RequestValidator(token).compute_signature(f"https://{HOST}{path}", fields)
    headers = {
        "Accept": "*/*",
        "Cache-Control": "max-age=259200",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "Host": HOST,
        "I-Twilio-Idempotency-Token": "00000000-0000-4000-8000-000000000001",
        "User-Agent": "TwilioProxy/1.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        "X-Home-Region": "us1",
        "X-Twilio-Signature": signature,
    }
    gateway: dict[str, Any] = {
        "resource": "/voice",
        "path": "/voice",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": context(path),
        "body": urlencode(fields),
        "isBase64Encoded": False,
    }
    return json.dumps(gateway).encode()


def context(path: str) -> dict[str, Any]:
    """What API Gateway vouches for."""
    return {
        "accountId": "000000000000",
        "apiId": HOST.partition(".")[0],
        "domainName": HOST,
        "domainPrefix": HOST.partition(".")[0],
        "extendedRequestId": "AAAAAAAAAAAAAAA=",
        "httpMethod": "POST",
        "identity": {"sourceIp": "192.0.2.1", "userAgent": "TwilioProxy/1.1"},
        "path": path,
        "protocol": "HTTP/1.1",
        "requestId": "00000000-0000-4000-8000-000000000002",
        "requestTime": "21/Nov/2026:02:41:07 +0000",
        "requestTimeEpoch": 1795228867000,
        "resourceId": "abc123",
        "resourcePath": "/voice",
        "stage": "v1",
    }
