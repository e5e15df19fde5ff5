"""What may be given back to the primary, and how far that has come: what the `replay` function and `fallback replay` agree on.

An *original* is what the primary should have had: a text's form as it came, or what Twilio tells of a text or callback that never came to
us. It lies beside its event (`original#<sk>`), for fewer days. A *replay* is an item of its own, written on condition, so that nothing is
delivered twice:

    (none)          -> sending         noted before anything is sent
    sending         -> delivered       the primary answered 2xx with TwiML (a callback: 2xx)
                    -> not delivered   no name, no connection, no TLS, no such address or method, moved: may go again at once
                    -> perhaps         no answer, or another one that is no success: the primary may have acted on it
    sending         that nobody ended (a crash) shows as `unknown`; it and `perhaps` go again only when told
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from lambdas.answer.journal import safe_url
from lambdas.workers import opt_outs
from lambdas.workers.events import MISSED, UNHEARD, Item, as_stored, day_shard, is_masked
from lambdas.workers.webhook import Ask, Medium

REPLAY = "replay"  #: kind of the item, what its sort key begins with, and its `todo` while it waits for somebody
LOST = "lost"  #: kind of the event of a callback that never reached the primary
#: Sort key of a text that never came to us: one, whether an alert or the list of messages tells of it, and however often.
NEVER_CAME = "missed"
ORIGINAL = "original#"
SENDING, DELIVERED, NOT_DELIVERED, PERHAPS = "sending", "delivered", "not delivered", "perhaps"
UNDER_WAY = 120  #: seconds after which a `sending` that nobody ended is taken for a crash; the function lives 60

#: Connect, DNS and TLS failures, and addresses that Twilio could not even ask: the primary cannot have seen the request.
#: https://www.twilio.com/docs/api/errors
NEVER_ARRIVED = frozenset("11100 11201 11202 11210 11220 11235 11236 11237 11240 11241 11242 11243 11300 11310 11320".split())
KEPT = ("AccountSid", "Body", "NumMedia", "OptOutType")  #: of a text that never came to us
FALLBACKS_OWN = ("ErrorCode", "ErrorUrl")
TOKENS = uuid.UUID("7c1f9a52-5d0e-4d3c-9c55-0b5a9c8f6e11")  #: the namespace of idempotency tokens; never to be changed

Key = tuple[str, str]


class NothingToGiveBack(ValueError):
    """This event has no original, or one that cannot be sent; the text says why."""


def is_candidate(event: Item) -> bool:
    """Whether an event of the timeline is a missed text, as it came first or as Twilio tells of it, or a lost callback."""
    if event.get("kind") in (LOST, MISSED, UNHEARD):
        return event["kind"] == LOST or event.get("medium") == "sms"
    first = event.get("medium") == "sms" and event.get("entry") == "sms" and event.get("trust") == "verified"
    return event.get("kind") == "request" and first and bool(event.get("error_code"))


def never_arrived(error_code: str) -> bool:
    """Whether the primary certainly did not see the request that failed so."""
    return error_code in NEVER_ARRIVED


def original_key(event: Item) -> Key:
    """Where the original of an event lies."""
    return event["pk"], ORIGINAL + event["sk"]


def replay_key(event: Item) -> Key:
    """Where the replay of an event lies: one a text, however often Twilio asked us about it; one a lost callback."""
    return event["pk"], f"{REPLAY}#{event['sk'] if event['kind'] == LOST else 'text'}"


def idempotency_token(event: Item) -> str:
    """The same for every attempt, so that the primary can tell them apart from other requests."""
    return str(uuid.uuid5(TOKENS, "#".join(replay_key(event))))


def ask_of(event: Item, original: Item | None) -> Ask:
    """The request that the primary should have had. Raises NothingToGiveBack."""
    if not original:
        raise NothingToGiveBack(
            "its original is not kept: it is older than [retention] originals, or was too long for the journal; look it up at Twilio"
        )
    if "url" in original:
        medium: Medium = "sms" if event["pk"][:2] in ("SM", "MM") else "voice"
        return Ask(original["url"], original["form"], medium, original.get("method", "POST"))
    fields = parse_qsl(original["form"], keep_blank_values=True)
    url = next((value for name, value in fields if name == "ErrorUrl"), "")
    if not urlsplit(url).hostname:
        raise NothingToGiveBack("Twilio did not say which address of the primary failed")
    return Ask(url, urlencode([(name, value) for name, value in fields if name not in FALLBACKS_OWN]), "sms")


def lost_callback(alert: str, time: str, sid: str, code: str, ask: Ask, days: tuple[int, int]) -> Iterator[Item]:
    """The items of a callback that Twilio reports as failed: an event on the timeline, and its original.

    `alert` is the alert's SID, `time` when it failed, `sid` the call, message or recording, `days` how long event and original are kept.
    """
    sk, fields = f"{time}#{alert}", dict(parse_qsl(ask.form, keep_blank_values=True))
    event = {"pk": sid, "sk": sk, "kind": LOST, "time": time, "medium": "callback", "day_shard": day_shard(time, sid)}
    event |= {"error_code": code, "error_url": safe_url(ask.url, frozenset())}
    named: Mapping[str, str] = {"from": "From", "to": "To", "call_status": "CallStatus"}
    event |= {name: fields[parameter] for name, parameter in named.items() if fields.get(parameter)}
    yield event | {"expires": expiry(time, days[0])}
    yield original(event, ask, days[1])


def missed_text(kind: str, time: str, sid: str, code: str, ask: Ask, days: tuple[int, int]) -> Iterator[Item]:
    """The items of a text that never came to us: an event on the timeline, what it says of consent, whether it goes back or not, and its
    original, where there is an address and it may be kept.

    `time` is when it came or failed, `code` what Twilio says of the primary, nothing where it says nothing; `days` as above.
    """
    fields = dict(parse_qsl(ask.form, keep_blank_values=True))
    event: Item = {
        "pk": sid,
        "sk": NEVER_CAME,
        "kind": kind,
        "time": time,
        "medium": "sms",
        "entry": "sms",
        "day_shard": day_shard(time, sid),
    }
    event |= {"error_code": code} if code else {}
    event |= {"error_url": safe_url(ask.url, frozenset())} if ask.url else {}
    event |= as_stored({name: fields[name.title()] for name in ("from", "to") if fields.get(name.title())})
    event |= {} if is_masked() else {"params": {name: fields[name] for name in KEPT if fields.get(name)}}
    yield event | {"expires": expiry(time, days[0])}
    if not is_masked() and (consent := opt_outs.item_of(fields, sid, time, event["day_shard"], expiry(time, days[0]))):
        yield consent
    if ask.url and ask.form and not is_masked():
        yield original(event, ask, days[1])


def original(event: Item, ask: Ask, days: int) -> Item:
    """What the primary should have had, as Twilio tells of it."""
    key = {"pk": event["pk"], "sk": ORIGINAL + event["sk"]}
    return key | {"url": ask.url, "method": ask.method, "form": ask.form, "expires": expiry(event["time"], days)}


def expiry(time: str, days: int) -> int:
    """So many days after a moment, in seconds since the epoch."""
    return int(datetime.fromisoformat(time).timestamp()) + days * 86_400
