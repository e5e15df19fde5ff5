"""What may vanish, and which alarm goes off then: everything in the template, and what it needs of the account.

The first row that fits counts; a test sees that each resource has one, that one alarm of each row needs no probe, and that what is said to
be missed by `inventory` is looked at there. `python -m ops.vanished` writes the table into docs/alerts.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

GONE = "something-gone"
HOURS = "three hours at most"
MINUTES = "three minutes"
NEEDED = "as soon as it is needed"


@dataclass(frozen=True)
class Loss:
    """Something that may vanish. `named` fits `<type> <logical id>`, without `AWS::`; `reason` says why no alarm is needed, if none is."""

    what: str
    named: str
    alarms: tuple[str, ...]
    after: str = ""
    reason: str = ""


def row(what: str, named: str, alarms: str, after: str) -> Loss:
    """Something that an alarm misses; `alarms` in the order in which they go off."""
    return Loss(what, named, tuple(alarms.split()), after)


def harmless(what: str, named: str, reason: str) -> Loss:
    """Something without which everything goes on."""
    return Loss(what, named, (), reason=reason)


#: What is in no template: settings of the account.
ACCOUNT = (
    row("the account's log role of API Gateway", "", f"access-log-silent {GONE}", "six minutes"),
    row("room in the account's concurrency of Lambda", "", "answer-throttles static-answers", "one minute"),
)
RESOURCES = (
    # --- what answers
    row(
        "the answer function, its version, its alias `live`",
        "Lambda::(Function|Version|Alias) Answer",
        "static-answers wrong-answer",
        "the first caller, else three minutes",
    ),
    row(
        "the permission of voice or messaging to invoke it",
        "Lambda::Permission (Voice|Messaging)Api",
        "static-answers wrong-answer",
        "the first caller, else three minutes",
    ),
    row("the permission of the callbacks to invoke it", "Lambda::Permission CallbacksApi", "static-answers", "the first callback"),
    row(
        "the answer function's role, or its right to read the tokens or to write the journal",
        "IAM::(Role|Policy) AnswerFunctionRole",
        f"wrong-answer tokens-unreadable unrecorded unverifiable {GONE}",
        MINUTES + " to a quarter of an hour",
    ),
    row("the Tokens secret", "SecretsManager::Secret Tokens", f"tokens-unreadable unverifiable {GONE}", MINUTES),
    row("the journal's log group", "Logs::LogGroup Journal", f"unrecorded {GONE}", "a quarter of an hour"),
    row(
        "an API, its stage, deployment, resource or method: voice, messaging",
        "ApiGateway::(RestApi|Stage|Deployment|Resource|Method) (Voice|Messaging)",
        "wrong-answer probe-silent fallback-failed",
        MINUTES,
    ),
    row(
        "the same of callbacks and audio",
        "ApiGateway::(RestApi|Stage|Deployment|Resource|Method) (Callbacks|Media)",
        "fallback-failed",
        "an hour after Twilio asked for it",
    ),
    row("an answer of API Gateway's own", "ApiGateway::GatewayResponse", "fallback-failed static-answers", NEEDED),
    row("the access log of voice", "Logs::LogGroup VoiceAccessLog", f"access-log-silent {GONE}", "six minutes"),
    row(
        "the permission of the audio API, or the audio function's alias or version",
        "Lambda::(Permission|Alias|Version) Media",
        "fallback-failed",
        "an hour after Twilio asked for it",
    ),
    # --- what is recorded
    row("the event table", "DynamoDB::GlobalTable", "unrecorded outage-fails record-fails", MINUTES),
    row("the function `record`", "Lambda::Function Record", f"journal-undelivered unrecorded {GONE}", "a quarter of an hour"),
    row(
        "the permission of CloudWatch Logs to invoke it",
        "Lambda::Permission RecordSubscription",
        "journal-undelivered unrecorded",
        "a quarter of an hour",
    ),
    row("the journal's subscription", "Logs::SubscriptionFilter", f"unrecorded {GONE}", "a quarter of an hour"),
    row("a right of `record`", "IAM::(Role|Policy) Record", f"record-fails {GONE}", "four minutes"),
    row("what becomes of its failed deliveries", "Lambda::EventInvokeConfig Record", "record-fails", NEEDED),
    row("the queue of its failed deliveries", "SQS::Queue RecordFailed", f"{GONE} record-undeliverable", HOURS),
    row("what reads that queue", "Lambda::EventSourceMapping Record", GONE, HOURS),
    # --- voicemails
    row("the bucket", "S3::Bucket VoicemailBucket", "voicemails-late", "an hour after the next message"),
    row("the queue of what is to be collected", "SQS::Queue VoicemailQueue", f"{GONE} record-fails voicemails-late", HOURS),
    row("a right of `collect`", "IAM::(Role|Policy) VoicemailCollect", f"{GONE} voicemails-late", HOURS),
    row(
        "the function `collect`, or what reads its queue",
        "Lambda::(Function Collect|EventSourceMapping Voicemail)",
        f"{GONE} voicemails-late",
        HOURS,
    ),
    row("the topic of voicemails", "SNS::Topic NotificationTopic", GONE, HOURS),
    row("the API keys of Twilio", "SecretsManager::Secret TwilioKeys", f"{GONE} reconcile-fails", HOURS),
    # --- what watches
    row(
        "the function `reconcile`, its schedule or its role",
        "(Lambda::Function Reconcile|Scheduler::Schedule Voicemail|IAM::(Role|Policy) VoicemailSchedule)",
        GONE,
        HOURS,
    ),
    row("a right of `reconcile`", "IAM::(Role|Policy) VoicemailReconcile", f"reconcile-fails {GONE}", "two hours"),
    row(
        "the function `outage`, a right of it, its schedule or the schedule's role",
        "(Lambda::Function|IAM::(Role|Policy)|Scheduler::Schedule) WatchOutage",
        f"outage-fails {GONE}",
        MINUTES,
    ),
    row(
        "the probe, its schedule or the schedule's role",
        "(Lambda::Function WatchProbe|Scheduler::Schedule WatchProbe|IAM::(Role|Policy) WatchProbeEvery)",
        f"probe-silent {GONE}",
        MINUTES,
    ),
    row("a right of the probe", "IAM::(Role|Policy) WatchProbeFunction", f"tokens-unreadable unrecorded worker-failed {GONE}", MINUTES),
    row("the probe's log group", "Logs::LogGroup WatchProbe", f"probe-silent {GONE}", MINUTES),
    row("a right of the check of the tokens", "IAM::(Role|Policy) WatchTokenCheckFunction", f"worker-failed {GONE}", "a day at most"),
    row(
        "`inventory` itself, a right of it, its schedule or the schedule's role",
        "(Lambda::Function|IAM::(Role|Policy)|Scheduler::Schedule) WatchInventory",
        GONE,
        HOURS,
    ),
    row(
        "on-call's topic, its key, or a subscription",
        "(SNS::Topic AlertTopic|SNS::Subscription|KMS::Key AlertKey)",
        GONE,
        HOURS,
    ),
    row("an alarm, or its actions", "CloudWatch::Alarm", GONE, HOURS),
    row("what counts API Gateway's own answers", "Logs::MetricFilter", f"{GONE} wrong-answer answer-errors", HOURS),
    # --- all else that is there until it is needed
    row("any other log group", "Logs::LogGroup ", GONE, HOURS),
    row("any other queue", "SQS::Queue ", GONE, HOURS),
    row("any other schedule", "Scheduler::Schedule", GONE, HOURS),
    row("any other function", "Lambda::Function", GONE, HOURS),
    row("any other role, or its rights", "IAM::(Role|Policy)", GONE, HOURS),
    row("the key of voicemails", "KMS::Key VoicemailKey", f"{GONE} voicemails-late", HOURS),
    # --- what nothing stops without
    harmless("what becomes of other workers' failed runs", "Lambda::EventInvokeConfig", "their own alarms go off all the same"),
    harmless(
        "the permission of `primary-failing` to invoke `outage`",
        "Lambda::Permission WatchOutage",
        "`outage` reads the alarm's state every minute",
    ),
    harmless(
        "a policy of a queue, a topic or the bucket",
        "(SQS::QueuePolicy|SNS::TopicPolicy|S3::BucketPolicy)",
        "it refuses requests without TLS; alarms may publish without it",
    ),
    harmless("the settings that the stack publishes", "SSM::Parameter", "`fallback` says that they are missing"),
    harmless("the dashboard", "CloudWatch::Dashboard", "whoever opens it sees that"),
    harmless("a step of the deployment", "(Custom::|ApiGateway::Account)", "the next deployment takes it again"),
)


def loss_of(kind: str, logical_id: str) -> Loss | None:
    """The row of a resource of the template."""
    name = f"{kind.removeprefix('AWS::')} {logical_id}"
    return next((each for each in RESOURCES if re.match(each.named, name)), None)


def table(template: dict[str, Any]) -> Iterator[str]:
    """The page's table: rows of which something is in the template."""
    there = {id(loss_of(each["Type"], name)) for name, each in template["Resources"].items()}
    yield "| what is gone | goes off | after |\n|---|---|---|"
    for each in (*ACCOUNT, *(each for each in RESOURCES if id(each) in there)):
        alarms = ", ".join(f"`{name}`" for name in each.alarms) or f"none: {each.reason}"
        yield f"| {each.what} | {alarms} | {each.after} |"
