"""`replay`: gives one missed text or lost callback back to the primary, signed as Twilio signs.

The function reads the Auth Tokens, so that on-call never has to. `fallback replay` asks it for one event at a time; it reads the original
itself and sends to hosts that the settings name as primaries, nowhere else. How a delivery proceeds: `hand_back.py`.
"""

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import boto3
from aws_lambda_powertools import Logger

from lambdas.answer.journal import safe_url
from lambdas.answer.tokens import tokens_by_name
from lambdas.workers.asking import CANNOT_BE_ASKED
from lambdas.workers.aws import QUICK
from lambdas.workers.events import Item, day_shard
from lambdas.workers.hand_back import (
    DELIVERED,
    LOST,
    NOT_DELIVERED,
    PERHAPS,
    NothingToGiveBack,
    ask_of,
    expiry,
    idempotency_token,
    is_candidate,
    never_arrived,
    original_key,
)
from lambdas.workers.numbers import TextAddresses
from lambdas.workers.opt_outs import CONSENT, has_opted_out, item_of, keyword_of
from lambdas.workers.replays import Refused, Replays
from lambdas.workers.replies import NotTwiml, Reply, replies_in, send_replies
from lambdas.workers.transport import Deadline
from lambdas.workers.twilio_api import Keys, TwilioApi
from lambdas.workers.twilio_regions import names_of
from lambdas.workers.webhook import Answer, Ask, NoAnswer, NotSent, send

EVENT_DAYS = int(os.environ["EVENT_DAYS"])
REPLY_MINUTES = int(os.environ["REPLY_MINUTES"])
HOSTS = frozenset(json.loads(os.environ["PRIMARY_HOSTS"]))
HEALTH: list[str] = json.loads(os.environ["PRIMARY_HEALTH"])
TOKENS_SECRET = os.environ["TOKENS_SECRET"]

TABLE = boto3.resource("dynamodb", config=QUICK).Table(os.environ["TABLE_NAME"])
SECRETS = boto3.client("secretsmanager", config=QUICK)
API = TwilioApi(Keys(SECRETS, os.environ["KEYS_SECRET"]))
LOGGER = Logger(service="replay")
ASK_SECONDS = 10.0  #: for finding out the Region of a text
CHECK_WAIT = 5.0  #: seconds for a health address
#: Statuses of a primary that certainly did not process a request: no such address, another method, another place for the same request.
#: 302 and 303 may follow upon what was done (https://www.rfc-editor.org/rfc/rfc9110#section-15).
NOT_PROCESSED = frozenset({301, 307, 308, 404, 405, 410})
OF_OTHER_METHODS = frozenset({404, 405})
NOT_ASKED = "replies of the primary not sent: {} (--send-replies sends them)"


@dataclass(frozen=True)
class Wish:
    """What the engineer asks for: one event, and what may be done with it."""

    pk: str
    sk: str
    by: str = ""
    include_perhaps: bool = False
    again: bool = False
    send_replies: bool = False


@dataclass(frozen=True)
class Outcome:
    """How it ended: a state of `hand_back.py` or `refused`, and a sentence for people."""

    state: str
    reason: str = ""
    status: int | None = None
    replies: str = ""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """`{"check": [addresses]}`, or the fields of a wish."""
    if "check" in event:
        return {"failing": [reason for address in {*HEALTH, *event["check"]} if (reason := failing(address))]}
    try:
        outcome = hand_back(Wish(**event))
    except (Refused, NothingToGiveBack) as refusal:
        outcome = Outcome("refused", str(refusal))
    LOGGER.info("handed back", extra={"sid": event["pk"], "state": outcome.state, "status": outcome.status})
    return vars(outcome)


def failing(address: str) -> str:
    """Why the primary is not well at an address; nothing if it is. A health address has to answer 2xx, any other not with 5xx."""
    try:
        allowed(address)
        answer = send(Ask(address, "", "voice", "GET"), "", {}, CHECK_WAIT)
    except (Refused, NotSent, NoAnswer) as error:
        return f"{urlsplit(address).netloc}: {error}"
    well = 200 <= answer.status < 300 if address in HEALTH else answer.status < 500
    return "" if well else f"{urlsplit(address).netloc} answered {answer.status}"


def allowed(url: str) -> None:
    """Refuse an address that the settings do not name as a primary's."""
    host = urlsplit(url).hostname or ""
    if host not in HOSTS:
        raise Refused(f"{host} is no primary of yours: add it to [primary] hosts and deploy, if it is")


def hand_back(wish: Wish) -> Outcome:
    """Deliver one event, noting each step before the next. Raises Refused, NothingToGiveBack."""
    event, ask = read(wish.pk, wish.sk)
    if not (wish.include_perhaps or never_arrived(event.get("error_code", ""))):
        raise Refused("the primary has perhaps processed it: add --include-perhaps if it knows texts by their MessageSid")
    form = dict(parse_qsl(ask.form, keep_blank_values=True))
    token = token_of(form.get("AccountSid", ""), event["pk"])
    note_consent(event, form)
    replays = Replays(TABLE, event, EVENT_DAYS)
    attempt = replays.begin(wish.by, wish.again)
    outcome, replies = deliver(event, ask, token, attempt)
    replays.end(attempt, outcome.state, outcome.reason, outcome.status)
    if not replies:
        return outcome
    return replace(outcome, replies=answered(event, form, replies, replays) if wish.send_replies else NOT_ASKED.format(len(replies)))


def note_consent(event: Item, form: dict[str, str]) -> None:
    """Keep what a STOP or START says that never came to us; of those that came, `record` has kept it."""
    shard = day_shard(event["time"], event["pk"])
    if item := item_of(form, event["pk"], event["time"], shard, expiry(event["time"], EVENT_DAYS)):
        TABLE.put_item(Item=item)


def read(pk: str, sk: str) -> tuple[Item, Ask]:
    """The event, and the request that the primary should have had. Raises Refused, NothingToGiveBack."""
    event = TABLE.get_item(Key={"pk": pk, "sk": sk}).get("Item")
    if not event or not is_candidate(event):
        raise Refused("there is no such text or callback in the table; calls are never replayed")
    pk, sk = original_key(event)
    ask = ask_of(event, TABLE.get_item(Key={"pk": pk, "sk": sk}).get("Item"))
    allowed(ask.url)
    return event, ask


def token_of(account: str, sid: str) -> str:
    """The Auth Token that signs for a call or text: the first of its Region's list. Raises Refused where there is none."""
    tokens = tokens_by_name(SECRETS.get_secret_value(SecretId=TOKENS_SECRET)["SecretString"])
    names = [name for name in names_of(account, tokens) if tokens[name]]
    if not names:
        raise Refused(f"the secret of Auth Tokens holds none for {account}: `fallback tokens add {account}`")
    return tokens[home_name(account, sid, names)][0]


def home_name(account: str, sid: str, names: list[str]) -> str:
    """By which of these names a call's or text's Region goes; the first where nobody can tell."""
    if len(names) == 1:
        return names[0]
    try:
        home = API.home_of(account, sid, Deadline(ASK_SECONDS)).name
    except CANNOT_BE_ASKED as error:
        LOGGER.warning("its Region is unknown", extra={"sid": sid, "reason": str(error)})
        return names[0]
    return home if home in names else names[0]


def deliver(event: Item, ask: Ask, token: str, attempt: int) -> tuple[Outcome, list[Reply]]:
    """Send, and tell what came of it; the replies are the primary's, for the sender of a text."""
    headers = {
        "User-Agent": "twilio-fallback-stack",
        "X-Fallback-Replay": str(attempt),
        "X-Fallback-Original-Time": event["time"],
        "I-Twilio-Idempotency-Token": idempotency_token(event),
    }
    try:
        answer = send(ask, token, headers)
        if answer.status in OF_OTHER_METHODS and event["kind"] == "request" and method_of(ask) == "GET":
            ask = replace(ask, method="GET")
            answer = send(ask, token, headers)
    except NotSent as error:
        return Outcome(NOT_DELIVERED, str(error)), []
    except NoAnswer as error:
        return Outcome(PERHAPS, str(error)), []
    return judged(event, ask, answer)


def method_of(ask: Ask) -> str:
    """By which method Twilio asks this address for texts. A fallback request does not tell, so Twilio is asked; POST where it cannot be."""
    form = dict(parse_qsl(ask.form, keep_blank_values=True))
    deadline = Deadline(ASK_SECONDS)
    try:
        home = API.home_of(form["AccountSid"], form["MessageSid"], deadline)
        url, method = TextAddresses(API, home, deadline).of(form["To"], form.get("MessagingServiceSid"))
    except (*CANNOT_BE_ASKED, KeyError) as error:
        LOGGER.warning("its method is unknown", extra={"sid": form.get("MessageSid"), "reason": str(error)})
        return ask.method
    return method.upper() if url.partition("#")[0] == ask.url.partition("#")[0] else ask.method


def judged(event: Item, ask: Ask, answer: Answer) -> tuple[Outcome, list[Reply]]:
    """Whether the primary took it: 2xx, and for a text an answer that Twilio would have taken too."""
    if not 200 <= answer.status < 300:
        state = NOT_DELIVERED if answer.status in NOT_PROCESSED else PERHAPS
        return Outcome(state, refusal(ask, answer), answer.status), []
    if event["kind"] == LOST:
        return Outcome(DELIVERED, "", answer.status), []
    try:
        return Outcome(DELIVERED, "", answer.status), replies_in(answer)
    except NotTwiml as error:
        return Outcome(PERHAPS, f"the primary {error}", answer.status), []


def refusal(ask: Ask, answer: Answer) -> str:
    """What the primary answered, and what that means where a status alone does not say it."""
    said = f"the primary answered {answer.status}"
    if 300 <= answer.status < 400:
        return f"{said}, a redirect to {place_of(ask, answer)}, which is not followed: give Twilio the address that answers"
    return f"{said} to {ask.method}" if answer.status in OF_OTHER_METHODS else said


def place_of(ask: Ask, answer: Answer) -> str:
    """Where a redirect leads."""
    try:
        return safe_url(urljoin(ask.url, answer.location), frozenset()) if answer.location else "nowhere"
    except ValueError:
        return "an address that cannot be read"


def answered(event: Item, form: dict[str, str], replies: list[Reply], replays: Replays) -> str:
    """Send the primary's replies, once; or say why not."""
    age = datetime.now(UTC) - datetime.fromisoformat(event["time"])
    if age.total_seconds() > REPLY_MINUTES * 60:
        return f"replies not sent: the text is older than {REPLY_MINUTES} minutes"
    if keyword_of(form) in CONSENT or has_opted_out(TABLE, form["From"], form["To"]):
        return "replies not sent: the sender has opted out"
    replays.replying(len(replies))
    try:
        return f"{send_replies(API, form, replies)} of {len(replies)} replies sent"
    except CANNOT_BE_ASKED as error:
        return f"replies not sent: {error}"
