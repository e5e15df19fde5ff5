"""The commands of the night: what they print, what they hide, and a sentence with a remedy for whatever goes wrong."""

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, UnauthorizedSSOTokenError
from typer.main import get_command

from lambdas.workers.events import Item
from ops import cli
from ops.deployment import OpsError, explained, remedy
from ops.errors import Wanted, numbers_of
from ops.export import write_sqlite
from ops.follow import Seen
from ops.period import stamp
from ops.replay import conclude
from ops.words import clock
from tests.unit.engineer import (
    BUCKET,
    CALLER,
    OTHER,
    OWN,
    add,
    client,
    deployed_in,
    deployment,
    desk,
    emptied,
    event,
    fallback,
    sid,
    voicemail,
)
from tests.unit.event_table import TABLE

Run = Callable[..., tuple[int, str, str]]
CALL, SECOND, TEXT = sid("CA", 1), sid("CA", 2), sid("SM", 3)
RECORDING = sid("RE", 1)


@pytest.fixture(scope="module", autouse=True)
def cloud() -> Iterator[None]:
    with deployment():
        yield


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; exit status, standard output, standard error."""

    def running(*words: str) -> tuple[int, str, str]:
        status = fallback(monkeypatch, *words)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    emptied()
    return running


# --- the state of things


def test_alone_it_says_that_callers_are_being_answered_and_what_to_type_next(run: Run) -> None:
    add(event(CALL), event(TEXT, medium="sms", entry="sms"), voicemail(CALL, RECORDING))
    status, out, _ = run()
    assert status == 0
    assert "OUTAGE" in out
    assert "Callers ARE being answered: 1 call and 1 text answered, 1 message left." in out
    assert "fallback voicemails list" in out


@pytest.mark.parametrize(("ago", "faults"), [(timedelta(minutes=1), ["slow", "static"]), (timedelta(hours=1), [])])
def test_that_callers_are_answered_is_not_claimed_while_test_requests_fail(run: Run, ago: timedelta, faults: list[str]) -> None:
    add(event(CALL), {"pk": "probe", "sk": "29000000", "time": stamp(datetime.now(UTC) - ago), "faults": faults})
    out = run()[1]
    assert "1 call and no texts came to the fallback, no messages left. But its own test requests FAIL: see below." in out
    assert "ARE being answered" not in out


def test_an_outage_of_more_than_a_day_is_told_from_its_beginning(run: Run) -> None:
    """By both commands alike."""
    add(*(event(sid("CA", 100 + number), timedelta(minutes=14 * number)) for number in range(125)))
    begin = datetime.now(UTC) - timedelta(minutes=14 * 124)
    assert abs(datetime.fromisoformat(json.loads(run("--json")[1])["outage"]["begin"]) - begin) < timedelta(minutes=1)
    assert f"outage  from {clock(begin)[:-3]}" in run("errors", "--since", "1h")[1]
    assert "125 calls" in run("errors", "--since", "1h")[1]


@pytest.mark.parametrize("words", [["-e", "staging", "errors"], ["--region", "eu-west-1", "voicemails", "list"], ["--json", "status"]])
def test_an_option_before_the_command_is_refused_and_never_passed_over(run: Run, words: list[str]) -> None:
    """It would have been asked of another environment than the engineer meant."""
    status, _, err = run(*words)
    assert status == 2
    assert "after the command: fallback" in err


def test_a_region_named_twice_is_read_once(run: Run) -> None:
    add(event(CALL))
    assert len(run("errors", "--region", "us-east-1", "--region", "us-east-1", "--json")[1].splitlines()) == 1


def test_numbers_that_came_without_a_plus_are_masked_too(run: Run) -> None:
    add(event(CALL, who="12025550123"), event(SECOND, who="sip:%2B12025550123@pbx.example.com"))
    for words in (["errors"], ["errors", "--json"], ["errors", "--group-by", "number"], ["call", CALL], ["export", "--jsonl"]):
        assert "2025550123" not in run(*words)[1], words


def test_a_filter_that_finds_nothing_is_not_taken_for_a_quiet_night(run: Run) -> None:
    add(event(CALL))
    assert "No such errors in this period: ask for less" in run("errors", "--code", "99999")[1]


def test_without_an_outage_it_says_so(run: Run) -> None:
    _, out, _ = run("status")
    assert "No outage: nobody came to the fallback in the last 24 hours." in out
    assert "no test request on record" in out


def test_the_state_for_programs(run: Run) -> None:
    add(event(CALL, timedelta(hours=2)), {"pk": "primary", "sk": "health#https://a.example.com/", "well": False, "seen": "HTTP 503"})
    told = json.loads(run("--json")[1])
    assert told["outage"]["on"] is False
    assert told["outage"]["calls"] == 1
    assert told["primary"] == [{"address": "https://a.example.com/", "well": False, "seen": "HTTP 503"}]


@pytest.mark.parametrize(
    ("well", "contrary", "seen", "says"),
    [
        (True, 0, "HTTP 200", "up: https://a.example.com/ (HTTP 200)"),
        (True, 2, "no connection", "FAILING, 2 times in a row: https://a.example.com/ (no connection)"),
        (False, 0, "no connection", "DOWN: https://a.example.com/ (no connection)"),
        (False, 1, "HTTP 200", "up again, 1 time in a row: https://a.example.com/ (HTTP 200)"),
    ],
)
def test_the_primary_is_as_it_was_seen_last(run: Run, well: bool, contrary: int, seen: str, says: str) -> None:
    """Not as it was announced last: that takes three answers in a row."""
    add({"pk": "primary", "sk": "health#https://a.example.com/", "well": well, "contrary": contrary, "seen": seen})
    assert f"Primary     {says}" in run()[1]
    assert json.loads(run("--json")[1])["primary"][0]["well"] is (seen == "HTTP 200")


def test_a_probe_that_failed_or_stopped_is_told(run: Run) -> None:
    add({"pk": "probe", "sk": "29000000", "time": "2026-01-01T00:00:00Z", "faults": []})
    assert "the test requests have STOPPED" in run()[1]


# --- errors


def test_errors_are_counted_explained_and_masked(run: Run) -> None:
    add(event(CALL), event(SECOND, who=OTHER), event(TEXT, medium="sms", error_code="11210"))
    status, out, _ = run("errors")
    assert status == 0
    assert "11200       2" in out
    assert "Twilio asked for the webhook and got no usable answer" in out
    assert "+1312*****42" in out
    assert OTHER not in out
    assert OWN in out, "the company's own numbers are no secret"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--code", "11210"], {TEXT}),
        (["--code", "trunk"], {SECOND}),
        (["--medium", "text"], {TEXT}),
        (["--url", "/texts"], {TEXT}),
        (["--number", CALLER], {CALL, TEXT}),
        (["--since", "3m"], set()),
        (["--from", "10m", "--until", "4m"], {CALL, SECOND, TEXT}),
        ([], {CALL, SECOND, TEXT}),
    ],
)
def test_errors_are_chosen_by_what_is_known_of_them(run: Run, words: list[str], found: set[str]) -> None:
    trunk = event(SECOND, entry="trunk", trunk="main", error_code=None, error_url=None, who=OTHER)
    add(event(CALL), trunk, event(TEXT, medium="sms", error_code="11210", error_url="https://app.example.com/texts"))
    add(event(sid("CA", 9), kind="recording", error_code="0"), event(sid("CA", 8), error_code=None))
    _, out, _ = run("errors", "--json", *words)
    assert {json.loads(line)["sid"] for line in out.splitlines()} == found


@pytest.mark.parametrize(("by", "key"), [("url", "https://app.example.com/calls"), ("number", OWN), ("rule", "local.toml:35")])
def test_errors_are_grouped_as_asked(run: Run, by: str, key: str) -> None:
    add(event(CALL), event(SECOND))
    assert key in run("errors", "--group-by", by)[1]


def test_errors_as_a_spreadsheet_hold_no_formula(run: Run) -> None:
    add(event(CALL, who="=HYPERLINK(1)"))
    [row] = csv.DictReader(io.StringIO(run("errors", "--csv")[1]))
    assert row["from"] == "'=HYPERLINK(1)"
    assert row["code"] == "11200"


def test_regions_are_merged(run: Run) -> None:
    deployed_in("us-west-2")
    add(event(CALL))
    add(event(SECOND), region="us-west-2")
    _, out, _ = run("errors", "--json", "--region", "us-east-1", "--region", "us-west-2")
    told = [json.loads(line) for line in out.splitlines()]
    assert {(each["sid"], each["region"]) for each in told} == {(CALL, "us-east-1"), (SECOND, "us-west-2")}


def test_minutes_are_listed_newest_first(run: Run) -> None:
    add(event(CALL, timedelta(minutes=9)), event(SECOND, timedelta(minutes=9)), event(TEXT, timedelta(minutes=2)))
    rows = [line.split()[:2] for line in run("errors", "--group-by", "minute")[1].splitlines() if re.match(r"\d{4}-\d\d-\d\dT", line)]
    assert rows == sorted(rows, reverse=True)
    assert len(rows) == 2


def test_an_outage_is_told_from_its_true_beginning(run: Run) -> None:
    """Though it lies before the period; and one that goes on beyond a period is not said to be over."""
    began = datetime.now(UTC) - timedelta(minutes=24)
    add(*(event(sid("CA", ago), timedelta(minutes=ago)) for ago in (24, 12, 1)))
    assert f"outage  from {clock(began)[:5]}" in run("errors", "--since", "5m")[1]
    assert "still on" in run("errors", "--since", "5m")[1]
    add(*(event(sid("CA", ago), timedelta(minutes=ago)) for ago in (400, 390)))
    assert " beyond " in run("errors", "--from", "405m", "--until", "395m")[1]


def test_what_comes_while_somebody_looks_on_is_told_once(run: Run) -> None:
    add(*(event(sid("CA", number), timedelta(seconds=100)) for number in range(3)))
    seen = Seen(desk(), Wanted())
    assert seen.fresh() == []
    add(event(CALL), event(TEXT, timedelta(seconds=150)))
    assert [each["pk"] for each in seen.fresh()] == [TEXT]
    assert seen.fresh() == []


def test_a_person_is_found_however_they_wrote() -> None:
    """The same number by SMS, WhatsApp and a trunk that leaves the plus out; somebody else's number is not theirs."""
    for address in ("+12025550123", "whatsapp:+12025550123", "12025550123", "sip:+12025550123@carrier.example.com"):
        assert "+12025550123" in numbers_of({"from": address, "to": "+12025550106"})
    assert "+12025550123" not in numbers_of({"from": "whatsapp:+120255501234", "to": "+12025550106"})


def test_following_goes_on_in_the_form_that_was_asked_for_until_ctrl_c(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add(event(CALL))
    looks = iter((lambda: add(event(SECOND, timedelta(seconds=5))), interrupt))
    monkeypatch.setattr("ops.follow.time.sleep", lambda _: next(looks)())
    status, out, _ = run("errors", "--csv", "--follow")
    assert status == 0
    assert [row["sid"] for row in csv.DictReader(io.StringIO(out))] == [CALL, SECOND]


def interrupt() -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


# --- the story of a call


def test_a_call_is_told_in_order_with_the_rule_that_answered(run: Run) -> None:
    step = event(CALL, timedelta(minutes=4), error_code=None, error_url=None, step="voicemail/recorded/1", params={"Digits": "hangup"})
    add(event(CALL, ms=1.5), step, voicemail(CALL, RECORDING))
    _, out, _ = run("call", CALL)
    first, second = out.index("the primary failed with 11200"), out.index("the caller hung up")
    assert first < second
    assert "answered with voicemail/start/1, by the rule at local.toml:35, in 1.5 ms" in out
    assert "A voicemail: stored" in out
    assert CALLER not in out


def test_a_voicemail_is_told_when_it_was_stored_not_when_its_recording_began(run: Run) -> None:
    """Twilio gives the beginning in whole seconds, which may lie before the call's first request."""
    now = datetime.now(UTC)
    began, stored = stamp(now - timedelta(minutes=6)), stamp(now - timedelta(minutes=3))
    add(event(CALL), voicemail(CALL, RECORDING, time=began, stored_at=stored))
    story = run("call", CALL)[1]
    assert story.index("the primary failed with 11200") < story.index("A voicemail: stored")


def test_what_a_text_says_is_hidden_until_asked_for_which_is_noted(run: Run) -> None:
    add(event(TEXT, medium="sms", params={"Body": "My address is 7 Elm Street", "From": CALLER}))
    assert "Elm Street" not in run("call", TEXT)[1]
    assert "Elm Street" in run("call", TEXT, "--show-numbers")[1]
    assert f"the story of {TEXT}" in run("audit")[1]


# --- voicemails


def test_voicemails_that_wait_are_listed_heard_and_seen_to(run: Run, tmp_path: Path) -> None:
    add(event(CALL), voicemail(CALL, RECORDING, b"RIFF" + bytes(2000)))
    assert RECORDING in run("voicemails", "list")[1]
    run("voicemails", "play", RECORDING, "--save", str(tmp_path / "a.wav"))
    assert (tmp_path / "a.wav").read_bytes() == b"RIFF" + bytes(2000)
    assert f"heard a voicemail  {RECORDING}" in run("audit")[1]
    run("voicemails", "ack", RECORDING, "--by", "Kim", "--note", "called back")
    assert run("voicemails", "list")[1].startswith("no voicemails to be heard")
    assert "heard by Kim" in run("voicemails", "list", "--since", "1h")[1]
    run("voicemails", "unack", CALL)
    assert RECORDING in run("voicemails", "list")[1]


def test_what_somebody_sees_to_nobody_else_takes(run: Run) -> None:
    """Two engineers do not call the same person; whoever it is may add a note, or leave it to others."""
    add(voicemail(CALL, RECORDING))
    assert run("voicemails", "ack", CALL, "--by", "Kim")[0] == 0
    status, _, err = run("voicemails", "ack", CALL, "--by", "Robin")
    assert status == 1
    assert "is seen to by Kim already" in err
    assert run("voicemails", "ack", CALL, "--by", "Kim", "--note", "called back")[0] == 0
    assert run("voicemails", "unack", CALL)[0] == 0
    assert run("voicemails", "ack", CALL, "--by", "Robin")[0] == 0


def test_downloads_resume_and_are_checked(run: Run, tmp_path: Path) -> None:
    audio = bytes(range(256)) * 400
    add(voicemail(CALL, RECORDING, audio), voicemail(SECOND, sid("RE", 2), b"other"))
    run("voicemails", "download", str(tmp_path))
    [file] = tmp_path.glob(f"*{RECORDING}.wav")
    file.rename(tmp_path / f"{file.name}.part")
    (tmp_path / f"{file.name}.part").write_bytes(audio[:1000])
    status, out, _ = run("voicemails", "download", str(tmp_path))
    assert (status, file.read_bytes()) == (0, audio)
    assert out.startswith("2 voicemails in")
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 2


def test_a_download_that_is_not_what_was_stored_is_removed(run: Run, tmp_path: Path) -> None:
    add(voicemail(CALL, RECORDING, b"audio", sha256="0" * 64))
    status, _, err = run("voicemails", "download", str(tmp_path))
    assert status == 1
    assert "what arrived is not what was stored" in err
    assert not list(tmp_path.glob("*.wav*"))


def test_who_hung_up_before_the_tone_is_called_back_too(run: Run) -> None:
    add(event(CALL), voicemail(CALL, RECORDING), event(SECOND, who=OTHER), event(sid("CA", 3), who="anonymous"))
    add(event(sid("CA", 4), timedelta(minutes=9), who=OTHER), event(sid("CA", 5), who="+13035550199"))
    add(voicemail(sid("CA", 5), sid("RE", 5), heard_at="2026-01-01T00:00:00Z", who="+13035550199"))
    _, out, err = run("voicemails", "call-back")
    rows = {row["number"]: row for row in csv.DictReader(io.StringIO(out))}
    assert {number: (row["message"], row["calls"]) for number, row in rows.items()} == {
        CALLER: ("left a message", "1"),
        OTHER: ("hung up", "2"),
    }
    assert "2 callers to call back" in err


# --- export, forget


def test_the_history_opens_as_a_database(run: Run, tmp_path: Path) -> None:
    add(event(CALL, params={"From": CALLER}), event(SECOND, timedelta(days=2)), voicemail(CALL, RECORDING))
    assert run("export", "--sqlite", str(tmp_path / "h.db"))[0] == 0
    database = sqlite3.connect(tmp_path / "h.db")
    rows = database.execute(
        "SELECT sid, kind, meaning, params FROM events LEFT JOIN error_codes ON code = error_code ORDER BY time"
    ).fetchall()
    database.close()
    assert [row[:2] for row in rows] == [(SECOND, "request"), (CALL, "request"), (CALL, "voicemail")]
    assert rows[0][2].startswith("Twilio asked for the webhook")
    assert json.loads(rows[1][3]) == {"From": "+1202*****23"}


def test_an_export_that_broke_off_leaves_no_half_database(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "night.db"
    with pytest.raises(RuntimeError):
        write_sqlite(file, broken_off())
    assert not file.exists()
    add(event(CALL))
    assert run("export", "--sqlite", str(file))[0] == 0


def broken_off() -> Iterator[Item]:
    """Events, and then none."""
    yield from ({"pk": CALL, "time": "2026-11-21T02:41:07Z"} for _ in range(1500))
    raise RuntimeError


def test_the_history_as_lines(run: Run) -> None:
    add(event(CALL), event(SECOND))
    assert {json.loads(line)["pk"] for line in run("export", "--jsonl")[1].splitlines()} == {CALL, SECOND}


@pytest.mark.slow
def test_a_person_is_forgotten_in_table_and_bucket_and_what_remains_is_said(run: Run) -> None:
    s3 = client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for audio in (b"first", b"second"):
        add(event(CALL), voicemail(CALL, RECORDING, audio))
    add(event(SECOND, who=OTHER), event(TEXT, medium="sms", who=f"whatsapp:{CALLER}"))
    add({"pk": f"person#{CALLER}", "sk": f"opinion#{OWN}", "opted": "stop"}, {"pk": TEXT, "sk": "original#x", "form": "Body=x"})

    status, out, _ = run("forget", "--number", CALLER)
    assert status == 0
    assert "would be erased" in out
    assert "the journal log group: until" in out
    assert "Whoever rebuilds events before that day brings them back" in out
    assert s3.list_object_versions(Bucket=BUCKET)["Versions"]

    assert "erased" in run("forget", "--number", CALLER, "--no-dry-run")[1]
    left = client("dynamodb").scan(TableName=TABLE)["Items"]
    assert {item["pk"]["S"] for item in left if item.get("kind", {}).get("S") != "audit"} == {SECOND}
    assert "Versions" not in s3.list_object_versions(Bucket=BUCKET)
    assert CALLER not in json.dumps(left)


# --- bad input: one sentence, no traceback, status 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["call", "CA1"], "is no SID of a call or text"),
        (["call", sid("CA", 404)], "is not in the table of local, us-east-1: it never reached the fallback"),
        (["errors", "--since", "soon"], "write it as 90m, 2h"),
        (["errors", "--from", "1h", "--until", "2h"], "swap --from and --until"),
        (["errors", "--medium", "fax"], "choose one of voice, sms"),
        (["errors", "--group-by", "mood"], "choose one of code, url"),
        (["errors", "--follow", "--until", "1h"], "leave --until out"),
        (["export", "--sqlite", "/nowhere/night.db"], "there is no folder /nowhere"),
        (["errors", "-e", "locl"], "did you mean 'local'?"),
        (["errors", "--region", "eu-west-3"], "it does not exist; is the environment deployed"),
        (["voicemails", "play", sid("RE", 404)], "there is no voicemail"),
        (["voicemails", "ack", "RE1"], "is no SID of a recording or call"),
        (["export"], "choose one: --sqlite FILE or --jsonl"),
        (["forget", "--number", "0202 555"], "is not a phone number"),
        (["forget", "--number", OWN], "the company's own number"),
        (["policies", "boss"], "is none of reader, responder, owner"),
        (["replay", "--since", "tomorrow"], "is no time"),
    ],
)
def test_bad_input_is_one_sentence_with_a_remedy(run: Run, words: list[str], sentence: str) -> None:
    status, _, err = run(*words)
    assert status == 1
    assert err.startswith("error: ")
    assert sentence in err
    assert "Traceback" not in err


def test_an_empty_period_says_where_to_look(run: Run) -> None:
    status, out, _ = run("errors")
    assert status == 0
    assert "No errors in this period. `--since 1d` looks further back" in out


def test_a_missing_table_is_a_sentence(run: Run) -> None:
    client("dynamodb").delete_table(TableName=TABLE)
    status, _, err = run("errors")
    assert status == 1
    assert "it does not exist; is the environment deployed" in err


def test_audio_that_is_gone_by_lifecycle_is_a_sentence(run: Run, tmp_path: Path) -> None:
    add(voicemail(CALL, RECORDING))
    status, _, err = run("voicemails", "play", RECORDING, "--save", str(tmp_path / "a.wav"))
    assert status == 1
    assert "is gone: the bucket keeps files for [retention] voicemails days" in err


def test_a_place_that_cannot_be_written_is_a_sentence(run: Run, tmp_path: Path) -> None:
    add(voicemail(CALL, RECORDING, b"RIFF"))
    status, _, err = run("voicemails", "play", RECORDING, "--save", str(tmp_path / "nowhere" / "a.wav"))
    assert status == 1
    assert "No such file or directory; choose another place" in err


def test_a_session_of_single_sign_on_that_is_over_is_a_sentence() -> None:
    with pytest.raises(OpsError, match=r"no AWS credentials .* sign in, for example with `aws sso login`"), explained("AWS"):
        raise UnauthorizedSSOTokenError


def test_a_clock_that_is_wrong_is_not_taken_for_old_credentials() -> None:
    message = "Signature expired: 20261122T010000Z is now earlier than 20261122T015500Z"
    error = ClientError({"Error": {"Code": "InvalidSignatureException", "Message": message}}, "Query")
    with pytest.raises(OpsError, match=r"this machine's clock is wrong .* set it"), explained("AWS"):
        raise error


def test_an_address_of_aws_that_is_none_is_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost")
    status, _, err = run("errors")
    assert (status, "correct AWS_ENDPOINT_URL, or unset it" in err) == (1, True)


def test_what_may_have_arrived_is_said_to_need_a_word() -> None:
    with pytest.raises(OpsError, match="that message itself may have arrived and goes only with --again"):
        conclude([], [{"state": "perhaps", "reason": "the primary answered 500"}])
    with pytest.raises(OpsError, match=r"goes on where this one stopped$"):
        conclude([], [{"state": "not delivered", "reason": "the primary refused the connection"}])


def test_what_a_hand_back_leaves_is_said_with_the_option_that_takes_it(run: Run) -> None:
    add(event(TEXT, medium="sms", entry="sms"), {"pk": TEXT, "sk": f"original#{TEXT}", "form": "Body=Hello"})
    _, _, err = run("replay", "--since", "1h", "--no-dry-run")
    assert "0 of 0 handed back" in err
    assert "remain" in err


def test_the_unknown_ones_have_no_period(run: Run) -> None:
    assert "leave --since, --from and --until out" in run("replay", "--unknown", "--since", "2h")[2]


def test_a_hand_back_of_which_something_was_refused_does_not_pass_for_done() -> None:
    with pytest.raises(OpsError, match="1 message not sent"):
        conclude([], [{"state": "delivered", "reason": ""}, {"state": "refused", "reason": "somebody is sending it"}])


def test_a_voicemail_that_is_not_there_yet_cannot_be_acknowledged(run: Run) -> None:
    add(voicemail(CALL, RECORDING, state="waiting", key=None, todo="collect"))
    assert "there is nothing to hear" in run("voicemails", "ack", CALL)[2]
    assert "was not acknowledged" in run("voicemails", "unack", CALL)[2]


@pytest.mark.slow
def test_the_questions_of_the_night_do_not_wait_for_what_they_do_not_need() -> None:
    """Each of these imports is time before the first word: the compiler of answers, the check of the settings, a web server."""
    asked = "import sys, ops.cli, ops.errors, ops.call, ops.state, ops.listen, ops.call_back; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert not {"jinja2", "tinytag", "starlette", "aws_cdk", "answerbook.compile", "pydantic", "phonenumbers"} & set(loaded)


def test_a_misspelt_region_is_asked_of_nobody(run: Run) -> None:
    assert "--region: 'eu-wst-1' is not an AWS region with Lambda; did you mean 'eu-west-1'?" in run("errors", "--region", "eu-wst-1")[2]


@pytest.mark.parametrize(
    ("words", "meant"), [(("erors",), "errors"), (("voicemail",), "voicemails"), (("voicemails", "call-bck"), "call-back")]
)
def test_a_misspelt_command_is_answered_with_the_one_that_was_meant(run: Run, words: tuple[str, ...], meant: str) -> None:
    status, _, err = run(*words)
    assert status == 2
    assert f"Did you mean '{meant}'" in err


def test_help_has_examples_for_every_command_and_lists_them_in_whole_sentences() -> None:
    for words, command in commands(get_command(cli.app)):
        if not hasattr(command, "commands") or not words:
            assert "Example" in command.help, words
        assert not words or not command.get_short_help_str(62).endswith("..."), words


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, the groups among them."""
    yield words, group
    if hasattr(group, "list_commands"):
        for name in group.list_commands(None):
            yield from commands(group.get_command(None, name), (*words, name))


def test_after_the_end_of_make_run_its_shell_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """`. .local/environment` still stands in the shell, and nobody answers at its endpoint any more."""
    gone = EndpointConnectionError(endpoint_url="https://localhost:4566/")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://localhost:4566")
    assert "`make run` is over" in remedy(gone)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert "AWS cannot be reached" in remedy(gone)
