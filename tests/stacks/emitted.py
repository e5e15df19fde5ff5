"""The metrics that our code really emits: it is run, and what it prints is read."""

import contextlib
import io
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.answer.book import PROBE_ACCOUNT, Choice
from lambdas.answer.journal import Journal
from lambdas.answer.request import Request
from lambdas.answer.signature import FORGED, UNVERIFIABLE, VERIFIED
from lambdas.workers.voicemails import stamp
from lambdas.workers.webhook import NotSent
from local.twilio.faults import NotYet
from tests.unit.gateway import event
from tests.unit.record_worker import delivery
from tests.unit.test_alerts import alert
from tests.unit.test_calls import call
from tests.unit.test_claims import claim
from tests.unit.test_probe import Fallback, run
from tests.unit.voicemail_workers import ACCOUNT as VOICEMAIL_ACCOUNT
from tests.unit.voicemail_workers import CONTEXT, Account, account, photo
from tests.unit.watch_workers import ACCOUNT, Watching, counted_in, watching

#: A metric by its name and its dimensions; whatever the environment and the account are called.
Metric = tuple[str, frozenset[tuple[str, str]]]
ANY = {name: (name, "*") for name in ("Environment", "Account")}


def metric(name: str, dimensions: dict[str, str]) -> Metric:
    """A metric, to be compared."""
    return name, frozenset(ANY.get(pair[0], pair) for pair in dimensions.items())


def emitted() -> set[Metric]:
    """Everything that the answer and the workers count when all that can happen does."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.MonkeyPatch.context() as monkeypatch:
        everything(monkeypatch)
    return {metric(name, dimensions) for name, dimensions, _ in counted_in(printed.getvalue())}


def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that can happen."""
    with watching(monkeypatch) as made:
        answer(made)
        record(made)
        probe(made)
        made.worker("auth_tokens", fault_of=lambda *_: "refused").handler({}, None)
    monkeypatch.undo()
    with account(monkeypatch) as other:
        collect(other)
        reconcile(other)


def answer(made: Watching) -> None:
    """A request of each medium and trust; a callback; one that cannot be read; a fault of ours."""
    journal, chosen = Journal(made.book, "production"), Choice("mailbox/start/1", "", "production.toml:31")
    for path, sid, choice in (("/voice", "CallSid=CA", chosen), ("/sms", "MessageSid=SM", chosen), ("/recording", "CallSid=CA", None)):
        for trust, sender in ((VERIFIED, ACCOUNT), (UNVERIFIABLE, ACCOUNT), (FORGED, ACCOUNT), (FORGED, "AC" + "f" * 32)):
            journal.write(request(path, f"AccountSid={sender}&{sid}{'1' * 32}"), trust, choice, 1.5)
    for outcome in ("failed", "unreadable"):
        journal.count("voice", outcome)
    journal.write(request("/voice", f"AccountSid={PROBE_ACCOUNT}&CallSid=CA{'1' * 32}"), VERIFIED, None, 1.5)


def request(path: str, body: str) -> Request:
    """A request as API Gateway hands it over."""
    return Request(event(path, body))


def record(made: Watching) -> None:
    """A delivery with a line, and one that cannot be read."""
    line = {"fallback.journal": 1, "time": stamp(datetime.now(UTC)), "request": "r1", "medium": "voice", "entry": "voice"}
    line |= {"path": "/voice", "trust": VERIFIED, "params": {"CallSid": "CA" + "1" * 32}}
    made.worker("record").handler(delivery(json.dumps(line), "no line"), CONTEXT)


def probe(made: Watching) -> None:
    """A sound run, and one for each thing that can be wrong."""
    worker = made.worker("probe")
    fallback = Fallback(worker, made)
    made.monkeypatch.setattr(worker, "send", fallback.send)
    fallback.records = False
    changes: list[dict[str, Any]] = [{}, {"status": 500}, {"seconds": 6.0}, {"certificate_ends": time.time()}]
    for minute, fallback.more in enumerate(changes):
        run(worker, minute)
    own, fallback.document = fallback.document, lambda book, request: str(book.last_resort[request.medium])
    run(worker, 10)
    fallback.error = NotSent("no such name")
    run(worker, 11)
    fallback.error, fallback.document, fallback.records, fallback.id = None, own, True, "an earlier book"
    for minute in (20, 30, 40):
        run(worker, minute)
    made.tokens()
    run(worker, 50)


def collect(made: Account) -> None:
    """A voicemail, an empty one, one that is not there yet, a picture."""
    worker = made.worker("collect")
    for recording in (made.recording(), made.recording(words="", seconds=0)):
        made.deliver(worker, made.task(recording))
    late = made.recording()
    made.api.faults_of(late.sid, NotYet())
    made.deliver(worker, made.task(late))
    made.deliver(worker, photo(made))


def reconcile(made: Account) -> None:
    """A voicemail that is late, a recording that nobody announced, an alert about ourselves, no key, a chore that fails."""
    worker = made.worker("reconcile", ACCOUNTS=[VOICEMAIL_ACCOUNT, "AC" + "9" * 32])

    def fails(*_: object) -> None:
        raise ConnectionError

    item = {"pk": "CA1", "sk": "voicemail#RE1", "todo": "collect", "time": "2026-11-21T02:41:07Z", "kind": "voicemail"}
    made.table.put_item(Item=item | {"announced_at": "2026-11-21T02:41:07Z", "task": "none"})
    missing = made.recording(started=time.time() - 3600)
    moment = stamp(datetime.now(UTC) - timedelta(hours=1))
    made.call(missing, time=moment, day_shard=f"{moment[:10]}#0")
    alert(made, "https://fallback.example.com/v1/voice")
    claim(made, call(made).sid)
    made.worker("reconcile", CHORES=(worker.queue_due, worker.confirm_claims, worker.queue_missing, worker.ask_alerts, fails)).handler(
        {}, CONTEXT
    )
