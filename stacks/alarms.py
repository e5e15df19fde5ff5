"""Every alarm, a row each. `stacks/alerts.py` makes them; docs/runbook.md has a section for each; a test holds all three together.

A row's text begins with what callers experience, then says what happened, then one command, then the section of the runbook. An alarm
watches one metric: what a sum makes of a metric without data is documented nowhere clearly, and an alarm that stays silent is worse than
two that ring. Missing data is judged row by row: most metrics are emitted only when something is wrong, and cost nothing otherwise.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from dataclasses import dataclass, field
from typing import Literal

PRIMARY_FAILING = "primary-failing"
QUIET_MINUTES = 15  #: an outage ends after so many without a caller (`lambdas.workers.outage`)
LATE = 15 * 60_000  #: milliseconds that a delivery may wait for `record`
CERTIFICATES = 6 * 60  #: minutes in which the probe comes to every address, whose certificates differ
SLOW = 5_000  #: milliseconds that a caller may wait for an answer

#: What missing data means: all is well; a fault, as what is beyond the threshold is; the only fault there is, whatever the values; nothing
#: new: what was found last counts until somebody looks again.
Missing = Literal["well", "fault", "silence", "last"]


@dataclass(frozen=True)
class Metric:
    """A metric: ours unless `namespace` says otherwise. `of` names the function, queue or log group whose dimensions it bears."""

    name: str
    statistic: str = "Sum"
    minutes: int = 1
    dimensions: dict[str, str] = field(default_factory=dict)
    namespace: str = ""
    of: str = ""


def aws(namespace: str, name: str, of: str, statistic: str = "Sum") -> Metric:
    """A metric that AWS emits for one of our resources."""
    return Metric(name, statistic, namespace=f"AWS/{namespace}", of=of)


def requests(outcome: str, minutes: int = 1) -> Metric:
    """Requests by outcome, as the journal counts them."""
    return Metric("Requests", minutes=minutes, dimensions={"Outcome": outcome})


def probe_fault(fault: str) -> Metric:
    """What the probe found, by kind."""
    return Metric("ProbeFaults", minutes=0, dimensions={"Fault": fault})


@dataclass(frozen=True)
class Row:
    """One alarm: it rings when in `datapoints` of `periods` periods the metric is above `above`, or absent where that is a fault."""

    name: str
    metric: Metric
    callers: str
    happened: str
    command: str
    section: str
    above: float = 0
    datapoints: int = 1
    periods: int = 1
    missing: Missing = "well"

    def text(self, names: dict[str, str]) -> str:
        """What people get; `names` are those of this environment's resources."""
        command = self.command.format(**names)
        return f"{self.callers}\n{self.happened.format(**names)}\nNext: {command}\nRunbook: docs/runbook.md, {self.section}"


APOLOGY = "callers hear a short apology and are hung up on; texts get no reply."
STRANGERS_ANSWER = "Callers ARE being answered, but with the answer for strangers: no forwarding, no reply to texts."
UNRECORDED = "Callers ARE being answered as usual; what happens is not, or late, in the event table."
UNSTORED = "Callers ARE being answered and leave messages as usual; some are not in the bucket, and nobody was told of them."
AS_USUAL = "Callers ARE being answered as usual."
TAIL = "aws logs tail {%s} --since %s --region {region}"
ASIDE = "aws logs tail {record_log} --since 1h --filter-pattern aside --region {region}"
WHERE = "--environment {environment} --region {region}"
TOKENS = "fallback tokens %s " + WHERE
REBUILD = "fallback rebuild --since alarm " + WHERE
#: Alarms after which the table lacks events, and by how many hours the oldest of these may be older than the alarm: CloudWatch Logs tries
#: for a day, Lambda for six hours and some attempts, and the queue for nine days (`stacks.record`). `fallback rebuild --since alarm`
#: begins there. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
LOSSES = {"journal-undelivered": 25, "record-undeliverable": 8, "record-dead-letters": 10 * 24}
VOICEMAILS = "fallback voicemails list " + WHERE

ANSWERING = (
    Row(
        PRIMARY_FAILING,
        requests("verified"),
        "Callers ARE being answered, by the fallback.",
        "They do not reach the primary. The function `outage` tells people, once, with figures.",
        "fallback status " + WHERE,
        "The primary is failing",
        periods=QUIET_MINUTES,
    ),
    Row(
        "static-answers",
        Metric("GatewayResponses"),
        f"Some or all requests are answered by API Gateway alone: {APOLOGY}",
        "The answer function fails, hangs, is gone or may not be called; or (THROTTLED) more came than [api] rate = {rate} lets through.",
        TAIL % ("access_log", "15m") + " --filter-pattern '{{ $.errorType != \"-\" }}'",
        "The answer function is broken",
    ),
    Row(
        "answer-errors",
        aws("Lambda", "Errors", "answer"),
        f"Some or all requests are answered by API Gateway alone: {APOLOGY}",
        "The answer function cannot be imported, raises, exits or takes longer than five seconds: Lambda itself counts it.",
        TAIL % ("journal", "15m"),
        "The answer function is broken",
    ),
    Row(
        "answer-failed",
        requests("failed"),
        f"Some requests get the last resort: {APOLOGY}",
        "The answer function met a fault of its own; its log names the line.",
        TAIL % ("journal", "15m") + " --filter-pattern where",
        "An answer failed",
    ),
    Row(
        "answer-throttles",
        aws("Lambda", "Throttles", "answer"),
        f"Some requests are answered by API Gateway alone: {APOLOGY}",
        "Lambda had no room for the answer function: the account's or the function's concurrency is used up.",
        "aws lambda get-account-settings --region {region}",
        "Requests are throttled",
    ),
    Row(
        "slow-answers",
        Metric("Latency", "Maximum", 5, namespace="AWS/ApiGateway", of="voice_api"),
        "Callers wait more than five seconds for an answer; Twilio gives up after fifteen.",
        "API Gateway itself counts answers to calls that took longer than five seconds.",
        TAIL % ("access_log", "30m") + " --filter-pattern '{{ $.latency = %^[5-9][0-9]{{3}}$|^[0-9]{{5}}% }}'",
        "The fallback is slow",
        above=SLOW,
    ),
    Row(
        "fallback-failed",
        Metric("FallbackFailures", dimensions={"service": "reconcile"}),
        "Callers heard Twilio's own error message, or nothing: the fallback itself did not answer them.",
        "Twilio reports that requests to our own URLs failed.",
        "fallback errors --since 1h " + WHERE,
        "The fallback itself failed",
    ),
)
TRUST = (
    Row(
        "unverifiable",
        requests("unverifiable"),
        STRANGERS_ANSWER,
        "Signatures cannot be checked: the Tokens secret cannot be read.",
        TOKENS % "list",
        "Signatures cannot be checked",
    ),
    Row(
        "refused",
        Metric("Refused", minutes=15, dimensions={"service": "reconcile"}),
        STRANGERS_ANSWER,
        "Twilio confirms callers whose signature we did not believe: our Auth Token is stale, or a URL at Twilio is set to GET.",
        TOKENS % "check",
        "A token is stale",
    ),
    Row(
        "token-faults",
        Metric("TokenFaults", "Maximum", dimensions={"service": "auth_tokens"}),
        "Nobody notices yet; in an outage callers would get the answer for strangers.",
        "Twilio refuses a stored Auth Token, or an account has none.",
        TOKENS % "check",
        "A token is stale",
        missing="last",
    ),
    Row(
        "strangers",
        requests("forged", 5),
        f"{AS_USUAL} A flood may yet throttle them.",
        "More than a thousand requests in five minutes came from nobody we know.",
        TAIL % ("access_log", "15m"),
        "Strangers flood the fallback",
        above=1000,
    ),
)
RECORDING = (
    Row(
        "record-fails",
        aws("Lambda", "AsyncEventsDropped", "record"),
        UNRECORDED,
        "`record` failed three times in a row; its deliveries wait in a queue.",
        TAIL % ("record_log", "1h"),
        "Events are not recorded",
    ),
    Row(
        "record-late",
        aws("Lambda", "AsyncEventAge", "record", "Maximum"),
        UNRECORDED,
        "Deliveries wait more than 15 minutes for `record`.",
        TAIL % ("record_log", "1h"),
        "Events are not recorded",
        above=LATE,
    ),
    Row(
        "record-undeliverable",
        aws("Lambda", "DestinationDeliveryFailures", "record"),
        UNRECORDED,
        "Failed deliveries could not be put into their queue either.",
        REBUILD,
        "Events are not recorded",
    ),
    Row(
        "record-dead-letters",
        aws("SQS", "ApproximateNumberOfMessagesVisible", "record_dead", "Maximum"),
        UNRECORDED,
        "Deliveries failed for good and lie in the dead letters.",
        REBUILD,
        "Events are not recorded",
    ),
    Row(
        "journal-undelivered",
        aws("Logs", "DeliveryErrors", "subscription"),
        UNRECORDED,
        "CloudWatch Logs could not hand the journal to `record`.",
        REBUILD,
        "Events are not recorded",
    ),
    Row(
        "lines-aside",
        Metric("LinesSkipped", dimensions={"service": "record"}),
        UNRECORDED,
        "A journal line could not become an event: it is odd, or DynamoDB refused it.",
        ASIDE,
        "A line was put aside",
    ),
    Row(
        "voicemails-late",
        Metric("VoicemailsLate", "Maximum", 60, {"service": "reconcile"}),
        UNSTORED,
        "Messages have been waiting for more than an hour.",
        VOICEMAILS,
        "Voicemails are not stored",
    ),
    Row(
        "voicemail-dead-letters",
        aws("SQS", "ApproximateNumberOfMessagesVisible", "voicemail_dead", "Maximum"),
        UNSTORED,
        "What was to be collected could not even be noted.",
        VOICEMAILS,
        "Voicemails are not stored",
    ),
)
WORKERS = (
    Row(
        "something-gone",
        Metric("Errors", minutes=60, namespace="AWS/Lambda", of="inventory"),
        f"{AS_USUAL} But something that the stack needs is gone or switched off, and may be missed only on a bad day.",
        "The function `inventory`, which looks at everything once an hour, found something missing, or was not run, two hours running.",
        TAIL % ("inventory_log", "3h") + " --filter-pattern gone",
        "Something is gone",
        datapoints=2,
        periods=2,
        missing="fault",
    ),
    Row(
        "outage-fails",
        aws("Lambda", "Errors", "outage"),
        f"{AS_USUAL} But when they begin to come, or it is over, nobody is told.",
        "The function `outage` failed, or was not run, three minutes running.",
        TAIL % ("outage_log", "30m"),
        "A worker is broken",
        datapoints=3,
        periods=3,
        missing="fault",
    ),
    Row(
        "worker-failed",
        Metric("NumberOfMessagesSent", minutes=60, namespace="AWS/SQS", of="failed_runs"),
        f"{AS_USUAL} What a worker was to do is not done, until it is run again.",
        "A function that nobody waits for failed in every attempt: which one, at what and why is in the queue.",
        "aws sqs receive-message --queue-url {failed_runs} --max-number-of-messages 10 --query 'Messages[].Body' --region {region}",
        "A worker is broken",
    ),
    Row(
        "reconcile-fails",
        Metric("ChoresFailed", "Maximum", 60, {"service": "reconcile"}),
        f"{AS_USUAL} What only Twilio knows is not asked.",
        "A chore of the function `reconcile` failed two hours running.",
        TAIL % ("reconcile_log", "2h"),
        "A worker is broken",
        datapoints=2,
        periods=2,
    ),
)


def unasked(account: str) -> Row:
    """Each account has an alarm of its own: one that cannot be asked keeps no other from being asked, and is named."""
    return Row(
        f"unasked-{account}",
        Metric("AccountUnasked", "Maximum", 60, {"Account": account}),
        f"{AS_USUAL} What only Twilio knows of {account} is not asked: missed calls and texts, recordings, failures of the fallback.",
        f"Twilio refuses the API key of {account}, or does not answer it, or there is none: two hours running.",
        TAIL % ("reconcile_log", "2h") + " --filter-pattern asked",
        "An account cannot be asked",
        datapoints=2,
        periods=2,
    )


#: Where there is a probe. `minutes=0` is one round of its own.
PROBE = (
    Row(
        "probe-silent",
        Metric("ProbeTime", "SampleCount", 0, {"service": "probe"}),
        "Callers may get no answer at all, and hear Twilio's own error message.",
        "The probe has no answer from the public URLs, or does not run.",
        TAIL % ("probe_log", "15m"),
        "The probe gets no answer",
        datapoints=3,
        periods=3,
        missing="silence",
    ),
    Row(
        "wrong-answer",
        probe_fault("wrong"),
        f"Callers may hear something other than what the settings say, or no more than an apology (static): {APOLOGY}",
        "The probe got another document than the answer book says; or (static) API Gateway's, which answers for a broken function.",
        TAIL % ("probe_log", "15m"),
        "The probe gets the wrong answer",
        datapoints=2,
        periods=3,
    ),
    Row(
        "tokens-unreadable",
        probe_fault("unverified"),
        f"Callers ARE being answered. Once the functions that know the tokens have gone: {STRANGERS_ANSWER}",
        "The probe cannot read its token in the Tokens secret; or it can, and the answer function does not know it.",
        TOKENS % "list",
        "Signatures cannot be checked",
        datapoints=2,
        periods=3,
    ),
    Row(
        "access-log-silent",
        Metric("IncomingLogEvents", minutes=0, namespace="AWS/Logs", of="access_log"),
        f"{AS_USUAL} But API Gateway writes no access log, and the alarm `static-answers` is blind.",
        "None of six test requests left a line: API Gateway's log role, the log group or the stage's setting is gone.",
        "aws apigateway get-account --region {region}",
        "The log role is gone",
        datapoints=6,
        periods=6,
        missing="silence",
    ),
    Row(
        "unrecorded",
        probe_fault("unrecorded"),
        UNRECORDED,
        "Ten minutes after a test request was answered its item is not in the table, or the table cannot be used.",
        TAIL % ("record_log", "1h"),
        "Events are not recorded",
        datapoints=2,
        periods=3,
    ),
    Row(
        "old-answers",
        probe_fault("old-book"),
        "Callers ARE being answered, but as an earlier version of the settings says.",
        "The answer function gives answers of another book than the one that was deployed.",
        TAIL % ("probe_log", "30m"),
        "An earlier version answers",
        datapoints=2,
        periods=3,
    ),
    Row(
        "certificate",
        Metric("ProbeFaults", minutes=CERTIFICATES, dimensions={"Fault": "certificate"}),
        "Nobody notices yet; once it has ended, callers hear Twilio's own error message.",
        "The certificate of a public URL ends within two weeks.",
        TAIL % ("probe_log", "15m"),
        "The certificate ends soon",
    ),
)
ROWS = ANSWERING + TRUST + RECORDING + WORKERS
