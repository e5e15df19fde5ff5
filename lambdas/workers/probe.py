"""`probe`: a test request every minute, so that the fallback is known to work before it is needed.

A request of a synthetic account, signed with that account's own token, goes to one public URL after the other: voice, text, each trunk, SIP
domain and app; and at each of them to one rule after the other (`lambdas.workers.rounds`). It must come back as the very document that the
answer book says. Ten minutes later its item must be in the event table, and bear the id of that book: so answering, signatures,
certificate, journal, `record` and the alias are all proven. What is wrong is counted by kind, since each kind has its own remedy:

    unsigned      the Tokens secret has no token for the probe, or cannot be read: the request went unsigned, as a stranger's
    unreachable   no connection, no TLS, no whole answer
    static        API Gateway answered in the function's place (its access log counts this for real callers too)
    unverified    the answer for strangers came though the request was signed: the answer function does not know the token
    wrong         another status, type or document than the answer book says
    slow          more than five seconds
    certificate   ends within two weeks
    unrecorded    the item of the run ten minutes ago never came, or the event table cannot be used
    old-book      that item was answered from another book than this one, and no deployment is under way

Whatever cannot be had, the rest is done: without a token the request goes unsigned, without the table it is judged all the same, and how
long an answer took is counted whenever one came. So silence means that no answer came, or that the probe does not run.

No line of the synthetic account counts as an outage, and no item of it is on the timeline (`lambdas.workers.events`).
"""

import os
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode
from xml.etree import ElementTree

import boto3
from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.answer import book as answer_book
from lambdas.answer.book import PROBE_ACCOUNT, Book
from lambdas.answer.journal import NAMESPACE
from lambdas.answer.request import Request
from lambdas.answer.tokens import SLOWER, tokens_in
from lambdas.workers.aws import QUICK, TELLING
from lambdas.workers.events import DAY, PROBE_DAYS, PROBE_RUNS
from lambdas.workers.gateway_event import gateway_event
from lambdas.workers.health import Health, status_of
from lambdas.workers.rounds import cases
from lambdas.workers.webhook import Answer, Ask, Medium, NoAnswer, NotSent, send

ENVIRONMENT = os.environ["FALLBACK_ENVIRONMENT"]
URLS = os.environ["PROBE_URLS"].split()
MINUTES = int(os.environ["PROBE_MINUTES"])
ADDRESSES = {":callbacks": os.environ["CALLBACKS_URL"], ":media": os.environ.get("MEDIA_URL", "")}
SECRET = os.environ["TOKENS_SECRET"]

ENTRY = re.compile(r"/(?:(voice|sms)|(trunk|sip|app)/([^/]+))$")
PROOF_AFTER = 10  #: minutes within which an item must have come
SLOW = 5.0 * SLOWER  #: seconds; a busy laptop that plays the cloud has more
WAIT = 12.0  #: seconds; Twilio itself would wait fifteen
CERTIFICATE = 14 * DAY  #: seconds that a certificate must have left
CALLER, CALLED = "+15005550006", "+15005550009"  #: nobody's: Twilio's own for tests (https://www.twilio.com/docs/iam/test-credentials)
FAILED_URL = "https://primary.invalid/probe"
#: After these the same is asked again at once.
ASKED_AGAIN = frozenset({"wrong", "static", "unverified", "unreachable"})
#: Faults of one consequence, for which there is one alarm.
COUNTED_AS = {"static": "wrong", "unsigned": "unverified"}
#: After these no item can be expected: the function was never asked, or did not know who asks.
NOT_ANSWERED = frozenset({"unsigned", "unreachable", "static", "unverified"})

LOGGER = Logger(service="probe")
METRICS = Metrics(namespace=NAMESPACE, service="probe")
METRICS.set_default_dimensions(Environment=ENVIRONMENT)
AWS_FAILS = (BotoCoreError, ClientError)
SECRETS = boto3.client("secretsmanager", config=QUICK)
TABLE = boto3.resource("dynamodb", config=QUICK).Table(os.environ["TABLE_NAME"])
HEALTH = Health(TABLE, boto3.client("sns", config=TELLING), os.environ["TOPIC_ARN"], ENVIRONMENT)
HEALTH_URLS = os.environ["HEALTH_URLS"].split()
HEARTBEAT = os.environ["HEARTBEAT_URL"]
BOOK = Book.load(str(Path(answer_book.__file__).with_name("answerbook.json")), ADDRESSES[":media"])


@dataclass
class Run:
    """One test request: what was asked, what is wrong with what came, and in how many milliseconds it came."""

    number: int
    url: str
    sid: str
    faults: list[str] = field(default_factory=list)
    milliseconds: int | None = None
    detail: str = ""
    case: dict[str, str] = field(default_factory=dict)  #: parameters by which a rule is asked

    @property
    def medium(self) -> Medium:
        """`sms` or `voice`, by the URL."""
        return "sms" if self.url.endswith("/sms") else "voice"


@METRICS.log_metrics
def handler(event: dict[str, Any], _: LambdaContext) -> None:
    """One run; EventBridge Scheduler says for which minute. The primary's health comes last, and raises what goes wrong there."""
    run = run_of(moment_of(event, time.time()))
    probe(run)
    tell(run, run.faults)
    tell(run, in_record := fault_in_record(run))
    if HEARTBEAT and not run.faults and not in_record:
        beat()
    for url in HEALTH_URLS:
        HEALTH.look(url, datetime.now(UTC))


def beat() -> None:
    """Tell a service outside that all is well, as long as there is somebody whom alarms would tell. What fails there is no fault here."""
    try:
        subscriptions = HEALTH.sns.list_subscriptions_by_topic(TopicArn=HEALTH.topic)["Subscriptions"]
        confirmed = any(each["SubscriptionArn"].startswith("arn:") for each in subscriptions)
        well, seen = status_of(HEARTBEAT) if confirmed else (False, "nobody subscribes on-call's topic")
    except AWS_FAILS as error:
        well, seen = False, f"on-call's topic cannot be asked: {error}"
    if not well:
        LOGGER.warning("no heartbeat", extra={"reason": seen})


def moment_of(event: dict[str, Any], now: float) -> float:
    """The minute that the schedule meant, in seconds since the epoch; now, where it does not say."""
    try:
        return datetime.fromisoformat(event["time"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return now


def run_of(moment: float) -> Run:
    """The run of a moment: the URLs take turns, and at each of them what is asked there. Where the right answer stayed away it is asked for
    again at once, until it comes: once an hour would be no alarm."""
    number = int(moment // (60 * MINUTES))
    url, case = turn_of(number)
    earlier = asked_before(number)
    if ASKED_AGAIN & set(earlier.get("faults", ())) and earlier.get("book") == BOOK.id:
        url, case = earlier["url"], earlier.get("case", {})
    return Run(number, url, ("SM" if url.endswith("/sms") else "CA") + uuid.uuid4().hex, case=case)


def turn_of(number: int) -> tuple[str, dict[str, str]]:
    """URL and parameters of a run by its number."""
    url = URLS[number % len(URLS)]
    plain, kind, name = entry_in(url).groups()
    asked = cases(BOOK, plain or kind, name or "")
    return url, asked[number // len(URLS) % len(asked)]


def entry_in(url: str) -> re.Match[str]:
    """The entry at the end of a URL; the settings take no other addresses."""
    return cast("re.Match[str]", ENTRY.search(url))


def asked_before(number: int) -> dict[str, Any]:
    """What was noted of the run before; nothing where that is not known."""
    try:
        return noted(number - 1)
    except AWS_FAILS:
        return {}


def noted(number: int) -> dict[str, Any]:
    """What was noted of an earlier run; nothing where there was none."""
    return dict(TABLE.get_item(Key={"pk": PROBE_RUNS, "sk": str(number)}).get("Item") or {})


def probe(run: Run) -> None:
    """Ask, and check what comes."""
    signed_with = token(run)
    try:
        check(run, send(ask_of(run), signed_with, {}, WAIT))
    except (NotSent, NoAnswer) as error:
        run.faults.append("unreachable")
        run.detail = str(error)


def token(run: Run) -> str:
    """The synthetic account's token; none where it cannot be had, which is a fault."""
    try:
        return tokens_in(SECRETS.get_secret_value(SecretId=SECRET)["SecretString"])[PROBE_ACCOUNT][0]
    except (*AWS_FAILS, LookupError, ValueError) as error:
        run.faults.append("unsigned")
        run.detail = f"the Tokens secret: {type(error).__name__}"
        return ""


def ask_of(run: Run) -> Ask:
    """The request, as Twilio would make it."""
    return Ask(run.url, urlencode(parameters(run)), run.medium)


def parameters(run: Run) -> dict[str, str]:
    """https://www.twilio.com/docs/voice/twiml#request-parameters, https://www.twilio.com/docs/messaging/guides/webhook-request"""
    common = {"AccountSid": PROBE_ACCOUNT, "ApiVersion": "2010-04-01", "From": CALLER, "To": CALLED}
    failed = {} if "/trunk/" in run.url else {"ErrorCode": "11200", "ErrorUrl": FAILED_URL}
    if run.medium == "sms":
        text = common | failed | {"MessageSid": run.sid, "SmsSid": run.sid, "Body": "probe", "NumMedia": "0", "NumSegments": "1"}
        return text | run.case
    return common | failed | {"CallSid": run.sid, "CallStatus": "ringing", "Direction": "inbound"} | run.case


def check(run: Run, answer: Answer) -> None:
    """Note what is wrong with an answer, and count how long it took."""
    run.milliseconds = int(answer.seconds * 1000)
    METRICS.add_metric("ProbeTime", MetricUnit.Milliseconds, run.milliseconds)
    if found := fault_in(run, answer):
        run.faults.append(found)
        run.detail = f"HTTP {answer.status}, {answer.content_type or 'no type'}, {len(answer.body)} characters"
    if answer.seconds > SLOW:
        run.faults.append("slow")
    if answer.certificate_ends is not None and answer.certificate_ends - time.time() < CERTIFICATE:
        run.faults.append("certificate")


def fault_in(run: Run, answer: Answer) -> str:
    """What is wrong with the document, if anything."""
    if answer.status != 200 or not answer.content_type.startswith("text/xml") or not is_twiml(answer.body):
        return "wrong"
    request, now = request_of(run), time.time()
    choose = BOOK.choose_unverified if "unsigned" in run.faults else BOOK.choose
    # Opening hours may begin or end while the request is under way.
    if answer.body in [filled(choose(request, moment).document, request) for moment in (now, now - answer.seconds)]:
        return ""
    if answer.body == filled(BOOK.last_resort[run.medium], request):
        return "static"
    return "unverified" if answer.body == filled(BOOK.choose_unverified(request, now).document, request) else "wrong"


def is_twiml(text: str) -> bool:
    """Whether a text is XML whose root is `<Response>`."""
    try:
        return ElementTree.fromstring(text).tag == "Response"  # noqa: S314 - our own document; expat limits expansion
    except ElementTree.ParseError:
        return False


def filled(document: str, request: Request) -> str:
    """A document of the answer book with this request's parameters in it."""
    return BOOK.fill(document, request, ADDRESSES)


def request_of(run: Run) -> Request:
    """The request as API Gateway hands it to the answer function."""
    path = entry_in(run.url)[0]
    return Request(gateway_event(run.url.removesuffix(path), path, parameters(run)))


def tell(run: Run, faults: list[str]) -> None:
    """Count what is wrong, each by its consequence; the log has its name."""
    for fault in faults:
        LOGGER.warning("probe", extra={"fault": fault, "url": run.url, "sid": run.sid, "detail": run.detail, "asked": run.case})
        with single_metric(name="ProbeFaults", unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
            metric.add_dimension("Environment", ENVIRONMENT)
            metric.add_dimension("Fault", COUNTED_AS.get(fault, fault))


def fault_in_record(run: Run) -> list[str]:
    """Note this run, and what is wrong with the item of an earlier one."""
    try:
        note(run)
        return list(fault_in_item(run))
    except AWS_FAILS as error:
        run.detail = f"the event table cannot be used: {type(error).__name__}"
        return ["unrecorded"]


def fault_in_item(run: Run) -> Iterator[str]:
    """What is wrong with the item of an earlier run that was answered. No such run, nothing to prove."""
    earlier = noted(run.number - back())
    if not earlier or NOT_ANSWERED & set(earlier["faults"]):
        return
    items = TABLE.query(KeyConditionExpression=Key("pk").eq(earlier["sid"]), Limit=1)["Items"]
    if not items:
        run.detail = f"no item of {earlier['sid']}, asked at {earlier['time']}"
        yield "unrecorded"
    elif (answered_from := str(items[0].get("book"))) != BOOK.id and is_settled(run.number):
        run.detail = f"book {answered_from} instead of {BOOK.id}, asked at {earlier['time']}"
        yield "old-book"


def back() -> int:
    """So many runs ago an item must have come by now."""
    return -(-PROOF_AFTER // MINUTES)


def is_settled(number: int) -> bool:
    """Whether no deployment is under way: this book is the probe's own since before the earlier run."""
    return all(noted(number - ago).get("book") == BOOK.id for ago in (back(), 2 * back()))


def note(run: Run) -> None:
    """Keep what came of this run, for two days."""
    now = datetime.now(UTC)
    facts: dict[str, Any] = {"sid": run.sid, "url": run.url, "faults": run.faults, "detail": run.detail, "book": BOOK.id, "case": run.case}
    facts |= {"time": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "expires": int(now.timestamp()) + PROBE_DAYS * DAY}
    facts |= {} if run.milliseconds is None else {"milliseconds": run.milliseconds}
    TABLE.put_item(Item={"pk": PROBE_RUNS, "sk": str(run.number)} | facts)
