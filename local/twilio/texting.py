"""Texts, and where they go, as Twilio's REST API tells of them: messages with their media, numbers, applications, messaging services.

Source: the OpenAPI documents `twilio_api_v2010` and `twilio_messaging_v1`; a test holds the answers against them. Lists of messages have
the newest first, inbound and outbound alike; nothing in them says whether anybody answered.
"""

from collections.abc import Iterator, Mapping, Sequence
from re import fullmatch
from urllib.parse import parse_qsl

from local.twilio.lists import dated, page
from local.twilio.messages import Reply, Text
from local.twilio.numbers import Application, MessagingService, Number
from local.twilio.parameters import API_VERSION, segments
from local.twilio.platform import Medium, Platform, rfc2822
from local.twilio.server import Received

SERVICES = "/v1/Services/"  #: on the host messaging.twilio.com

Described = Mapping[str, object]


def answer(platforms: Sequence[Platform], received: Received, path: str) -> Described | None:
    """What a path below the account, or of messaging services, says; None where there is nothing."""
    if path == "/Messages.json":
        return _messages(platforms, received)
    if path == "/IncomingPhoneNumbers.json":
        return _numbers(platforms, received)
    if several := fullmatch(r"/Messages/([SM]M[0-9a-f]{32})/Media\.json", path):
        media = [_medium(platform, each) for platform in platforms for each in platform.media if each.message_sid == several[1]]
        return page(received, "media_list", media)
    if one := fullmatch(r"/Messages/([SM]M[0-9a-f]{32})\.json", path):
        return next((each for _, each in _all_messages(platforms) if each["sid"] == one[1]), None)
    if one := fullmatch(r"/Applications/(AP[0-9a-f]{32})\.json", path):
        return next((_application(each) for each in _applications(platforms) if each.sid == one[1]), None)
    sid = path.removeprefix(SERVICES)
    return next((_service(platform, each) for platform, each in _services(platforms) if each.sid == sid), None)


def _messages(platforms: Sequence[Platform], received: Received) -> Described:
    asked = dict(parse_qsl(received.query))
    found = [(at, each) for at, each in _all_messages(platforms) if dated(asked, "DateSent", at)]
    found = [(at, each) for at, each in found if all(asked.get(name, each[name.lower()]) == each[name.lower()] for name in ("From", "To"))]
    return page(received, "messages", [each for _, each in sorted(found, key=lambda pair: pair[0], reverse=True)])


def _all_messages(platforms: Sequence[Platform]) -> Iterator[tuple[float, Described]]:
    for platform in platforms:
        for text in platform.texts:
            yield text.received, _message(platform, text, text.parameters["From"], text.parameters["To"], None)
            for reply in text.replies:
                yield text.received, _message(platform, text, reply.from_, reply.to, reply)


def _message(platform: Platform, text: Text, from_: str, to: str, reply: Reply | None) -> Described:
    sid, body = (reply.sid, reply.body) if reply else (text.sid, text.parameters["Body"])
    uri, at = f"/{API_VERSION}/Accounts/{platform.account_sid}/Messages/{sid}", rfc2822(text.received)
    return {
        "body": body,
        "num_segments": str(segments(body)),
        "num_media": str(len(reply.media)) if reply else text.parameters["NumMedia"],
        "direction": "outbound-reply" if reply else "inbound",
        "from": from_,
        "to": to,
        "date_created": at,
        "date_updated": at,
        "date_sent": at,
        "price": None,
        "price_unit": "USD",
        "error_message": None,
        "error_code": reply.error_code or None if reply else None,
        "uri": f"{uri}.json",
        "account_sid": platform.account_sid,
        "status": "received" if not reply else "sent" if reply.delivered else "failed",
        "messaging_service_sid": text.parameters.get("MessagingServiceSid"),
        "sid": sid,
        "api_version": API_VERSION,
        "subresource_uris": {"media": f"{uri}/Media.json"},
    }


def _medium(platform: Platform, each: Medium) -> Described:
    found = next(text for text in platform.texts if text.sid == each.message_sid)
    return {
        "sid": each.sid,
        "account_sid": platform.account_sid,
        "parent_sid": each.message_sid,
        "content_type": each.type,
        "date_created": rfc2822(found.received),
        "date_updated": rfc2822(found.received),
        "uri": each.url.removeprefix(platform.media_base) + ".json",
    }


def _numbers(platforms: Sequence[Platform], received: Received) -> Described:
    wanted = dict(parse_qsl(received.query)).get("PhoneNumber", "")
    numbers = {each.number: _number(platform, each) for platform in platforms for each in platform.numbers if wanted in each.number}
    return page(received, "incoming_phone_numbers", list(numbers.values()))


def _number(platform: Platform, each: Number) -> Described:
    """A number, as far as its texts go. A number that was made anew is the last of its name."""
    return {
        "sid": each.sid,
        "account_sid": platform.account_sid,
        "phone_number": each.number,
        "friendly_name": each.number,
        "sms_url": each.sms.url,
        "sms_method": each.sms.method,
        "sms_fallback_url": each.sms.fallback_url,
        "sms_application_sid": each.sms_application.sid if each.sms_application else None,
        "uri": f"/{API_VERSION}/Accounts/{platform.account_sid}/IncomingPhoneNumbers/{each.sid}.json",
    }


def _applications(platforms: Sequence[Platform]) -> Iterator[Application]:
    return (each.sms_application for platform in platforms for each in platform.numbers if each.sms_application)


def _application(each: Application) -> Described:
    return {
        "sid": each.sid,
        "account_sid": each.platform.account_sid,
        "friendly_name": each.name,
        "sms_url": each.sms.url,
        "sms_method": each.sms.method,
        "sms_fallback_url": each.sms.fallback_url,
    }


def _services(platforms: Sequence[Platform]) -> Iterator[tuple[Platform, MessagingService]]:
    return ((platform, each.service) for platform in platforms for each in platform.numbers if each.service)


def _service(platform: Platform, each: MessagingService) -> Described:
    return {
        "sid": each.sid,
        "account_sid": platform.account_sid,
        "friendly_name": each.name,
        "inbound_request_url": each.inbound.url or None,
        "inbound_method": each.inbound.method,
        "fallback_url": each.inbound.fallback_url or None,
        "use_inbound_webhook_on_number": each.use_inbound_webhook_on_number,
    }
