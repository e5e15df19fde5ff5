"""Texts, and where they go, as Twilio's REST API tells of them: messages with their media, numbers, applications, messaging services.

Source: the OpenAPI documents `twilio_api_v2010` and `twilio_messaging_v1`; a test holds the answers against them. Lists of messages have
the newest first, inbound and outbound alike; nothing in them says whether anybody answered.
"""

from collections.abc import Iterator, Mapping, Sequence

from local.twilio.lists import Described, Refused, dated, filters, matching, page
from local.twilio.messages import Reply, Text
from local.twilio.numbers import Application, MessagingService, Number
from local.twilio.parameters import API_VERSION, is_e164, segments
from local.twilio.platform import Medium, Platform, Sent, rfc2822
from local.twilio.server import Received

_LONGEST = 1600


def messages(platforms: Sequence[Platform], received: Received) -> Described:
    """A page of the list, newest first. Raises Refused."""
    asked = filters(received.query, ("To", "From"), ("DateSent",))
    found = sorted((pair for pair in _all_messages(platforms) if dated(asked, "DateSent", pair[0])), key=lambda pair: pair[0], reverse=True)
    return page(received.path, asked, "messages", matching([each for _, each in found], asked, To="to", From="from"))


def message(platforms: Sequence[Platform], sid: str) -> Described | None:
    """One text, in or out."""
    return next((each for _, each in _all_messages(platforms) if each["sid"] == sid), None)


def media(platforms: Sequence[Platform], received: Received, sid: str) -> Described:
    """What came with a text."""
    found = [_medium(platform, each) for platform in platforms for each in platform.media if each.message_sid == sid]
    return page(received.path, filters(received.query, ()), "media_list", found)


def numbers(platforms: Sequence[Platform], received: Received) -> Described:
    """The numbers that contain what is asked for. A number that was made anew is the last of its name."""
    asked = filters(received.query, ("PhoneNumber",))
    found = {each.number: _number(platform, each) for platform, each in _numbers(platforms) if asked.get("PhoneNumber", "") in each.number}
    return page(received.path, asked, "incoming_phone_numbers", list(found.values()))


def application(platforms: Sequence[Platform], sid: str) -> Described | None:
    """An application that a number uses for its texts."""
    found = (each.sms_application for _, each in _numbers(platforms) if each.sms_application)
    return next((_application(each) for each in found if each.sid == sid), None)


def service(platforms: Sequence[Platform], sid: str) -> Described | None:
    """A messaging service that a number is in."""
    found = ((platform, each.service) for platform, each in _numbers(platforms) if each.service)
    return next((_service(platform, each) for platform, each in found if each.sid == sid), None)


def send(platforms: Sequence[Platform], form: Mapping[str, str]) -> Described:
    """Take a text that is to go out, as POST Messages does. Raises Refused with the codes of https://www.twilio.com/docs/api/errors."""
    to, body = form.get("To", ""), form.get("Body", "")
    if not to:
        raise Refused(400, 21604, "A 'To' phone number is required")
    platform, number = _sender(platforms, form)
    if not is_e164(to.removeprefix("whatsapp:")):
        raise Refused(400, 21211, f"The 'To' number {to} is not a valid phone number")
    if to == number.number:
        raise Refused(400, 21266, "'To' and 'From' number cannot be the same")
    if not body and "MediaUrl" not in form:
        raise Refused(400, 21602, "Message body is required")
    if len(body) > _LONGEST:
        raise Refused(400, 21617, f"The message body exceeds the {_LONGEST} character limit")
    if number.conversations.between(to, number.number).opted_out:
        raise Refused(400, 21610, "Attempt to send to unsubscribed recipient")
    sent = Sent(
        number.number, to, body, (form["MediaUrl"],) if "MediaUrl" in form else (), platform.clock(), form.get("MessagingServiceSid")
    )
    platform.sent.append(sent)
    return _sent(platform, sent) | {"status": "queued", "date_sent": None}


def _sender(platforms: Sequence[Platform], form: Mapping[str, str]) -> tuple[Platform, Number]:
    """The number from which a text goes out: one of this Region."""
    from_, service_sid = form.get("From", ""), form.get("MessagingServiceSid", "")
    if not from_ and not service_sid:
        raise Refused(400, 21603, "A 'From' phone number is required")
    for platform, each in reversed(list(_numbers(platforms))):
        if each.number == from_ or (not from_ and each.service and each.service.sid == service_sid):
            return platform, each
    raise Refused(400, 21606, f"The 'From' phone number provided ({from_}) is not a valid message-capable Twilio phone number")


def _numbers(platforms: Sequence[Platform]) -> Iterator[tuple[Platform, Number]]:
    return ((platform, each) for platform in platforms for each in platform.numbers)


def _all_messages(platforms: Sequence[Platform]) -> Iterator[tuple[float, Described]]:
    for platform in platforms:
        for text in platform.texts:
            yield text.received, _message(platform, text, text.parameters["From"], text.parameters["To"], None)
            for reply in text.replies:
                yield text.received, _message(platform, text, reply.from_, reply.to, reply)
        for sent in platform.sent:
            yield sent.at, _sent(platform, sent)


def _sent(platform: Platform, each: Sent) -> dict[str, object]:
    uri, at = f"/{API_VERSION}/Accounts/{platform.account_sid}/Messages/{each.sid}", rfc2822(each.at)
    return _common(platform, each.sid, uri, at) | {
        "body": each.body,
        "num_segments": str(segments(each.body)),
        "num_media": str(len(each.media)),
        "direction": "outbound-api",
        "from": each.from_,
        "to": each.to,
        "error_code": None,
        "status": "sent",
        "messaging_service_sid": each.service_sid,
    }


def _message(platform: Platform, text: Text, from_: str, to: str, reply: Reply | None) -> dict[str, object]:
    sid, body = (reply.sid, reply.body) if reply else (text.sid, text.parameters["Body"])
    uri, at = f"/{API_VERSION}/Accounts/{platform.account_sid}/Messages/{sid}", rfc2822(text.received)
    return _common(platform, sid, uri, at) | {
        "body": body,
        "num_segments": str(segments(body)),
        "num_media": str(len(reply.media)) if reply else text.parameters["NumMedia"],
        "direction": "outbound-reply" if reply else "inbound",
        "from": from_,
        "to": to,
        "error_code": reply.error_code or None if reply else None,
        "status": "received" if not reply else "sent" if reply.delivered else "failed",
        "messaging_service_sid": text.parameters.get("MessagingServiceSid"),
    }


def _common(platform: Platform, sid: str, uri: str, at: str) -> dict[str, object]:
    return {
        "sid": sid,
        "account_sid": platform.account_sid,
        "date_created": at,
        "date_updated": at,
        "date_sent": at,
        "price": None,
        "price_unit": "USD",
        "error_message": None,
        "uri": f"{uri}.json",
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


def _number(platform: Platform, each: Number) -> Described:
    """A number, as far as its texts go."""
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


def _application(each: Application) -> Described:
    return {
        "sid": each.sid,
        "account_sid": each.platform.account_sid,
        "friendly_name": each.name,
        "sms_url": each.sms.url,
        "sms_method": each.sms.method,
        "sms_fallback_url": each.sms.fallback_url,
    }


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
