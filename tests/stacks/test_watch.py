"""Every alarm and widget watches something that is really emitted, and everything that is emitted is watched: none is dead."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from aws_cdk.assertions import Template

from config.settings import load
from config.tables import Reconcile
from lambdas.answer.journal import NAMESPACE
from local.emulator.alarms import state_of
from local.emulator.filter_pattern import matcher
from stacks.alarms import PROBE, Row
from stacks.alerts import rows
from stacks.api import ACCESS_LOG, log_format
from stacks.gateway_metrics import STRANGERS_DOING
from tests.stacks.emitted import Metric, emitted, metric
from tests.stacks.response_types import DEFAULT
from tests.stacks.test_templates import Json, of_type

#: What AWS documents of the metrics that we watch: their dimensions. The pages are named in `stacks/watch.py`.
DOCUMENTED = {
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    ("AWS/Lambda", "AsyncEventsDropped"): {"FunctionName"},
    ("AWS/Lambda", "AsyncEventAge"): {"FunctionName"},
    ("AWS/Lambda", "DestinationDeliveryFailures"): {"FunctionName"},
    ("AWS/Logs", "IncomingLogEvents"): {"LogGroupName"},
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/SQS", "NumberOfMessagesSent"): {"QueueName"},
    ("AWS/Logs", "DeliveryErrors"): {"LogGroupName", "DestinationType", "FilterName"},
    ("AWS/ApiGateway", "Latency"): {"ApiName"},
}
OUTCOMES = ("verified", "unverifiable", "forged", "refused", "delivered")
ALARM = "AWS::CloudWatch::Alarm"
EVERY = rows(load("production"))
ROW = {row.name: row for row in EVERY}


@pytest.fixture(scope="session")
def ours(production: Json) -> set[Metric]:
    """What our code and our metric filters emit."""
    filters = [each["Properties"]["MetricTransformations"][0] for each in of_type(production, "AWS::Logs::MetricFilter").values()]
    filtered = {metric(each["MetricName"], {pair["Key"]: pair["Value"] for pair in each["Dimensions"]}) for each in filters}
    return filtered | emitted()


def alarms(template: Json) -> Iterator[tuple[str, Json]]:
    """Every alarm, by its name."""
    for resource in of_type(template, ALARM).values():
        yield resource["Properties"]["AlarmName"], resource["Properties"]


def dimensions(alarm: Json) -> dict[str, str]:
    """An alarm's dimensions; a reference by its logical id."""
    return {pair["Name"]: plain(pair["Value"]) for pair in alarm.get("Dimensions", [])}


def plain(value: Any) -> str:
    """A text with logical ids in the place of references."""
    if isinstance(value, dict):
        [(key, inner)] = value.items()
        return "".join(map(plain, inner[1])) if key == "Fn::Join" else plain(inner)
    return ".".join(value) if isinstance(value, list) else str(value)


def dashboard(template: Json) -> list[Json]:
    """The widgets."""
    [resource] = of_type(template, "AWS::CloudWatch::Dashboard").values()
    return list(json.loads(plain(resource["Properties"]["DashboardBody"]))["widgets"])


def shown(template: Json) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Every metric of every widget: namespace, name, dimensions."""
    for widget in dashboard(template):
        for namespace, name, *rest in (each for each in widget["properties"].get("metrics", []) if isinstance(each[0], str)):
            texts = [part for part in rest if isinstance(part, str)]
            yield namespace, name, dict(zip(texts[::2], texts[1::2], strict=True))


def searched(template: Json) -> Iterator[tuple[str, set[str]]]:
    """Every search of every widget: the metric's name and the names of its dimensions."""
    for widget in dashboard(template):
        for each in (each[0] for each in widget["properties"].get("metrics", []) if isinstance(each[0], dict)):
            found = re.fullmatch(
                r"SEARCH\('\{(\w+),([\w,]+)\} MetricName=\"(\w+)\" Environment=\"production\"', '\w+', 60\)", each["expression"]
            )
            assert found, each
            assert found[1] == NAMESPACE
            yield found[3], set(found[2].split(","))


def test_every_alarm_watches_a_metric_that_is_emitted(production: Json, ours: set[Metric]) -> None:
    for name, alarm in alarms(production):
        if alarm["Namespace"] == NAMESPACE:
            assert metric(alarm["MetricName"], dimensions(alarm)) in ours, name
        else:
            assert set(dimensions(alarm)) == DOCUMENTED[alarm["Namespace"], alarm["MetricName"]], name


def test_every_widget_shows_metrics_that_are_emitted(production: Json, ours: set[Metric]) -> None:
    for namespace, name, found in shown(production):
        if namespace == NAMESPACE:
            assert metric(name, found) in ours, (name, found)
        else:
            assert set(found) == DOCUMENTED[namespace, name]
    kinds = {(name, frozenset(key for key, _ in pairs)) for name, pairs in ours}
    for name, names in searched(production):
        assert (name, frozenset(names)) in kinds, (name, names)


def test_everything_that_is_emitted_is_watched_by_somebody(production: Json, ours: set[Metric]) -> None:
    """A metric that nobody looks at is paid for nothing."""
    watched = {metric(alarm["MetricName"], dimensions(alarm)) for _, alarm in alarms(production)}
    watched |= {metric(name, found) for _, name, found in shown(production)}
    kinds = {(name, frozenset(names)) for name, names in searched(production)}
    dead = {each for each in ours if each not in watched and (each[0], frozenset(key for key, _ in each[1])) not in kinds}
    assert {(name, dict(pairs).get("Outcome")) for name, pairs in dead} <= {("AnswerTime", outcome) for outcome in OUTCOMES} | {
        ("Requests", "delivered")  # a callback: shown by medium
    }


def test_no_dimension_bears_a_code_a_url_or_a_number(ours: set[Metric]) -> None:
    """Each value of a dimension is a metric of its own, and paid for."""
    assert {key for _, pairs in ours for key, _ in pairs} == {"Environment", "Medium", "Outcome", "service", "Fault", "Account"}


def test_what_dimensions_refer_to_is_in_the_template(production: Json) -> None:
    for name, alarm in alarms(production):
        for pair in alarm.get("Dimensions", []):
            references = [pair["Value"]] if isinstance(pair["Value"], dict) else []
            for reference in references:
                target = reference.get("Ref") or reference["Fn::GetAtt"][0]
                assert target in production["Resources"], name


def access_line(known: dict[str, str]) -> str:
    """A line of the access log; API Gateway writes `-` for each variable that it does not know."""
    return re.sub(r"\$context[\w.]+", lambda found: known.get(found[0], "-"), log_format("production"))


def counted(production: Json, line: str) -> set[str]:
    """The metrics that a line of the access log counts for."""
    return {
        each["Properties"]["MetricTransformations"][0]["MetricName"]
        for each in of_type(production, "AWS::Logs::MetricFilter").values()
        if matcher(each["Properties"]["FilterPattern"])(line)
    }


@pytest.mark.parametrize("error_type", ["-", *DEFAULT])
def test_a_line_of_the_access_log_counts_as_what_it_is(production: Json, error_type: str) -> None:
    """What strangers bring about, and what is all right, counts as nothing."""
    line = access_line(dict.fromkeys(ACCESS_LOG.values(), "200") | {ACCESS_LOG["errorType"]: error_type})
    ignored = error_type in ("-", *STRANGERS_DOING)
    assert counted(production, line) == (set() if ignored else {"GatewayResponses"})


def shown_by(row: Row) -> Callable[[str], bool]:
    """What the command of an alarm shows of a log."""
    [pattern] = re.findall(r"--filter-pattern '(.+)'", row.command.format(access_log="", region=""))
    return matcher(pattern)


@pytest.mark.parametrize(
    ("milliseconds", "slow"), [("4999", False), ("5000", True), ("9999", True), ("29000", True), ("612", False), ("-", False)]
)
def test_the_command_shows_answers_of_five_seconds_or_more(milliseconds: str, slow: bool) -> None:
    assert shown_by(ROW["slow-answers"])(access_line({ACCESS_LOG["latency"]: milliseconds})) == slow


@pytest.mark.parametrize("error_type", ["-", "THROTTLED", "DEFAULT_5XX"])
def test_the_command_shows_what_api_gateway_answered_by_itself(error_type: str) -> None:
    assert shown_by(ROW["static-answers"])(access_line({ACCESS_LOG["errorType"]: error_type})) == (error_type != "-")


def test_a_line_of_which_api_gateway_knows_nothing_is_counted_all_the_same(production: Json) -> None:
    """A line that is not JSON is counted by no filter."""
    line = access_line({ACCESS_LOG["errorType"]: "DEFAULT_5XX"})
    assert set(json.loads(line).values()) == {"-", "production", "DEFAULT_5XX"}
    assert counted(production, line) == {"GatewayResponses"}


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.name)
def test_an_alarms_text_begins_with_what_callers_experience(production: Json, row: Row) -> None:
    """Then what happened, then one command, then the section of the runbook; CloudWatch keeps 1,024 characters."""
    text = dict(alarms(production))[f"fallback-production-{row.name}"]["AlarmDescription"]
    callers, _, command, runbook = plain(text).splitlines()
    assert callers.split()[0] in ("Callers", "Some", "Nobody")
    assert command.startswith("Next: ")
    assert runbook == f"Runbook: docs/runbook.md, {row.section}"
    assert len(plain(text)) < 1024


def test_every_alarm_says_what_missing_data_means(production: Json) -> None:
    """The default would leave an alarm without data in a state of its own."""
    treated = {name.removeprefix("fallback-production-"): alarm["TreatMissingData"] for name, alarm in alarms(production)}
    silence = {"probe-silent", "access-log-silent", "outage-fails", "something-gone"}
    assert {name for name, how in treated.items() if how == "breaching"} == silence
    assert {name for name, how in treated.items() if how == "ignore"} == {"token-faults"}
    assert set(treated.values()) == {"breaching", "ignore", "notBreaching"}


def test_who_is_told(production: Json) -> None:
    """On-call by every alarm but one: of a failing primary the function `outage` tells, once, with figures."""
    for name, alarm in alarms(production):
        [action] = alarm["AlarmActions"]
        actions = plain(action)
        assert ("Outage" in actions) == name.endswith("primary-failing")
        assert alarm["AlarmActions"] == alarm["OKActions"]


def test_without_a_probe_there_are_no_alarms_of_one() -> None:
    """They would ring for ever."""
    settings = load("production").model_copy(update={"probe": load("production").probe.model_copy(update={"minutes": 0})})
    assert {row.name for row in rows(load("production"))} - {row.name for row in rows(settings)} == {row.name for row in PROBE}


def test_alerts_reach_people_and_are_encrypted_only_by_a_key_that_alarms_may_use(templates: dict[str, Template]) -> None:
    topic = of_type(dict(templates["production"].to_json()), "AWS::SNS::Topic")["AlertTopic"]["Properties"]
    assert "KmsMasterKeyId" not in topic


def test_production_and_staging_watch_apart(templates: dict[str, Template]) -> None:
    names = [{name for name, _ in alarms(dict(templates[environment].to_json()))} for environment in ("production", "staging")]
    assert not names[0] & names[1]
    for environment in ("production", "staging"):
        for _, alarm in alarms(dict(templates[environment].to_json())):
            assert dimensions(alarm).get("Environment", environment) == environment


#: For each alarm, what makes it ring: values of its metric, in this and earlier minutes. Most need one.
BREACHES: dict[str, list[tuple[int, float]]] = {
    "strangers": [(0, 1001.0)],
    "record-late": [(0, 15 * 60_000 + 1.0)],
    "outage-fails": [(0, 1.0), (1, 1.0), (2, 1.0)],
    "slow-answers": [(0, 5001.0)],
    "something-gone": [(0, 1.0), (60, 1.0)],
    "tokens-unreadable": [(0, 1.0), (2, 1.0)],
    "reconcile-fails": [(0, 1.0), (60, 1.0)],
    "wrong-answer": [(0, 1.0), (1, 1.0)],
    "unrecorded": [(0, 1.0), (2, 1.0)],
    "old-answers": [(0, 1.0), (1, 1.0)],
    "probe-silent": [],
    "access-log-silent": [],
} | {row.name: [(0, 1.0), (60, 1.0)] for row in EVERY if row.name.startswith("unasked-")}
NOON = 29_000_000 * 3600.0 + 30  #: half a minute into an hour


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.name)
def test_each_fault_rings_its_own_alarm_and_no_other(production: Json, row: Row) -> None:
    """Judged as CloudWatch does, with all alive that is watched for silence; also where the local cloud cannot break it."""
    name, known = f"fallback-production-{row.name}", dict(alarms(production))
    points = {key_of(alarm): alive(alarm) for alarm in known.values()}
    points[key_of(known[name])] = [(NOON - 60 * minute, value) for minute, value in BREACHES.get(row.name, [(0, 1.0)])]
    assert ringing(known, points) == {name}


@pytest.mark.parametrize("row", [row for row in EVERY if row.missing in ("fault", "silence")], ids=lambda row: row.name)
def test_silence_rings_where_it_is_a_fault(production: Json, row: Row) -> None:
    name, known = f"fallback-production-{row.name}", dict(alarms(production))
    points = {key_of(alarm): alive(alarm) for each, alarm in known.items() if each != name}
    assert ringing(known, points) == {name}


def test_a_certificate_of_one_address_of_many_rings(production: Json) -> None:
    """The probe comes to each in turn, and goes on: nothing wrong is said."""
    alarm = dict(alarms(production))["fallback-production-certificate"]
    assert state_of(alarm, [(NOON - 60 * 7, 1.0)], NOON) == "ALARM"


def test_each_run_of_reconcile_is_counted_in_the_hours_that_its_alarms_judge(production: Json) -> None:
    """Hours without a run would be hours without a fault."""
    seldom = max(each.le for each in Reconcile.model_fields["minutes"].metadata if hasattr(each, "le"))
    periods = [alarm["Period"] for name, alarm in alarms(production) if "reconcile-fails" in name or "unasked-" in name]
    assert len(periods) > 1
    assert all(seldom * 60 <= period for period in periods)


def alive(alarm: Json) -> list[tuple[float, float]]:
    """The values of a metric whose silence would be a fault, as long as all is well; none of others."""
    if alarm["TreatMissingData"] != "breaching":
        return []
    well = 1.0 if alarm["ComparisonOperator"] == "LessThanThreshold" else 0.0
    return [(NOON - alarm["Period"] * period, well) for period in range(alarm["EvaluationPeriods"])]


def ringing(known: dict[str, Json], points: Mapping[Any, list[tuple[float, float]]]) -> set[str]:
    """The alarms that go off by these values."""
    return {name for name, alarm in known.items() if state_of(alarm, points.get(key_of(alarm), []), NOON) == "ALARM"}


@pytest.mark.parametrize(
    "row", [row for row in EVERY if row.name in BREACHES and row.missing in ("well", "last")], ids=lambda row: row.name
)
def test_less_than_that_rings_nothing(production: Json, row: Row) -> None:
    """One slip of a worker at night wakes nobody."""
    alarm = dict(alarms(production))[f"fallback-production-{row.name}"]
    *fewer, last = BREACHES[row.name]
    points = fewer or [(last[0], last[1] - 1)]
    assert state_of(alarm, [(NOON - 60 * minute, value) for minute, value in points], NOON) == "OK"


def key_of(alarm: Json) -> tuple[str, str, frozenset[tuple[str, str]]]:
    """What makes an alarm's metric one of its own."""
    return alarm["Namespace"], alarm["MetricName"], frozenset(dimensions(alarm).items())
