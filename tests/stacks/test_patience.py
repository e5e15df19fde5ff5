"""How long what failed is tried again before a person has to help, and that the alarms' command reaches back as far."""

from stacks.alarms import LOSSES, REBUILD, ROWS
from tests.stacks.test_templates import Json

HOUR, DAY = 3600, 86_400
KEPT = 14 * DAY  #: the most that SQS keeps a message
LAMBDAS_OWN = 6 * HOUR  #: for which an asynchronous event is tried before it lies in the queue


def queue(template: Json, name: str) -> Json:
    """The properties of a queue."""
    return dict(template["Resources"][name]["Properties"])


def receives(template: Json, name: str) -> int:
    """After how many attempts a message becomes a dead letter."""
    return int(queue(template, name)["RedrivePolicy"]["maxReceiveCount"])


def test_deliveries_wait_for_the_table_for_days(production: Json) -> None:
    """And become dead letters, with which an alarm goes off, before SQS throws them away."""
    failed = queue(production, "RecordFailed")
    waits = failed["VisibilityTimeout"] * receives(production, "RecordFailed")
    assert failed["VisibilityTimeout"] <= HOUR / 2, "soon after the table is well they are written"
    assert 2 * DAY < waits < failed["MessageRetentionPeriod"] == KEPT


def test_voicemails_outlive_days_without_table_bucket_or_twilio(production: Json) -> None:
    """Hidden for a quarter of an hour by `collect`, or for the whole visibility timeout where it died."""
    tasks = queue(production, "VoicemailQueue")
    times = receives(production, "VoicemailQueue")
    assert times * 900 > 2 * DAY
    assert times * tasks["VisibilityTimeout"] < tasks["MessageRetentionPeriod"] == KEPT


def test_an_alarm_says_how_to_rebuild_everything_that_may_be_lost(production: Json) -> None:
    """Its command needs no number: it begins before the alarm went off, by as much as deliveries may have waited until then."""
    assert {row.name for row in ROWS if row.command == REBUILD} == LOSSES.keys()
    waits = queue(production, "RecordFailed")["VisibilityTimeout"] * receives(production, "RecordFailed")
    assert LOSSES["record-dead-letters"] * HOUR > waits + LAMBDAS_OWN
    assert LOSSES["record-undeliverable"] * HOUR > LAMBDAS_OWN + HOUR
    assert LOSSES["journal-undelivered"] * HOUR > DAY


def test_each_delivery_of_a_batch_has_its_turn_though_the_table_hangs(production: Json) -> None:
    resources = production["Resources"].values()
    [record] = [
        each["Properties"]
        for each in resources
        if each["Type"] == "AWS::Lambda::Function" and each["Properties"]["Handler"] == "lambdas.workers.record.handler"
    ]
    mappings = [each["Properties"] for each in resources if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    [batch] = [each["BatchSize"] for each in mappings if each["EventSourceArn"] == {"Fn::GetAtt": ["RecordFailed", "Arn"]}]
    assert batch * 6 < record["Timeout"]
