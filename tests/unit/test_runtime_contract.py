"""The deployed zip under the runtime client that Lambda runs (`awslambdaric`), fed by a Runtime API of our own."""

import json
import subprocess
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerbook.compile import compile_book
from bench.runtime_api import FunctionProcess, Outcome
from bench.tls_server import TlsServer, aws
from config.settings import load
from stacks.functions import answer_files, zipped
from tests.unit.gateway import ACCOUNT, CALL, CALLED, TEXTED, TOKEN, Event, encoded, environment, event, signed

RUNTIME = Path(sysconfig.get_path("purelib"))
HANDLER = "lambdas.answer.handler.handler"


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of the local environment, unpacked as Lambda does."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(zipped("answer", answer_files(compile_book(load("local"))))) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def variables(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The function's environment, with a Secrets Manager that has its tokens."""
    with TlsServer(tmp_path, aws(json.dumps({ACCOUNT: [TOKEN]}))) as server:
        yield environment(server.url, server.authority)


def asked(process: FunctionProcess, request: Event) -> tuple[int, str]:
    """Status and body of the answer to one event."""
    outcome = process.invoke(json.dumps(request).encode())
    assert outcome.kind == "response", outcome
    response = json.loads(outcome.body)
    return response["statusCode"], response["body"]


def test_the_zip_answers_call_after_call(task: Path, variables: dict[str, str], tmp_path: Path) -> None:
    """One process, many events, as on Lambda; the log has one line for each and nothing else."""
    with (
        (tmp_path / "log").open("w+b") as log,
        FunctionProcess(HANDLER, (task, RUNTIME), variables, log=log.fileno()) as process,
    ):
        assert asked(process, signed("/voice", CALLED))[0] == 200
        assert "<Record" in asked(process, signed("/trunk/main", CALLED))[1]
        assert "<Message>" in asked(process, signed("/sms", TEXTED))[1]
        assert asked(process, event("/voice", encoded(CALLED.items())))[0] == 200
        assert asked(process, event("/voice", "\x00" * 300_000))[0] == 200
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["Outcome"] for line in lines] == ["verified", "verified", "verified", "refused", "unreadable"]
    assert [line.get("params", {}).get("CallSid") for line in lines] == [CALL, CALL, None, CALL, None]


def test_text_of_every_script_comes_back_as_it_was_sent(task: Path, variables: dict[str, str]) -> None:
    """The runtime's client encodes the answer; a body must survive that."""
    with FunctionProcess(HANDLER, (task, RUNTIME), variables) as process:
        assert asked(process, signed("/sms", TEXTED | {"Body": "☃ \U0001f600 \x00 </Message>"}))[0] == 200


def test_secrets_manager_down_is_no_reason_not_to_start(task: Path, variables: dict[str, str]) -> None:
    with FunctionProcess(HANDLER, (task, RUNTIME), variables | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://127.0.0.1:1"}) as process:
        status, body = asked(process, signed("/voice", CALLED))
        assert status == 200
        assert "<Record" in body


def test_a_function_that_was_not_told_where_its_tokens_are_says_so(task: Path, variables: dict[str, str]) -> None:
    """A mistake of ours in deployment fails the start, which Lambda reports, and API Gateway answers callers instead."""
    without = {name: value for name, value in variables.items() if name != "TOKENS_SECRET"}
    with FunctionProcess(HANDLER, (task, RUNTIME), without) as process:
        outcome = process.first(b"{}")
    assert outcome.kind == "init error"
    assert json.loads(outcome.body)["errorType"] == "KeyError"


def outcome_of(folder: Path, source: str, **options: float) -> Outcome:
    """What becomes of one event that a handler of these lines gets."""
    (folder / "small.py").write_text(source)
    with FunctionProcess("small.handler", (folder, RUNTIME), {}, log=subprocess.DEVNULL, **options) as process:  # type: ignore[arg-type]
        return process.first(b"{}")


@pytest.mark.parametrize(
    ("source", "kind", "says"),
    [
        ("def handler(event, context): return {'answer': 42}", "response", b'"answer": 42'),
        ("def handler(event, context): raise ValueError('no answer')", "error", b"no answer"),
        ("def handler(event, context): return {1, 2}", "error", b"Runtime.MarshalError"),
        ("import os\ndef handler(event, context): os._exit(3)", "exit", b"exit status 3"),
        ("import os\nos._exit(4)", "exit", b"exit status 4"),
        ("import no_such_module", "init error", b"Runtime.ImportModuleError"),
        ("def other(): pass", "init error", b"Runtime.HandlerNotFound"),
    ],
)
def test_the_runtime_api_tells_how_a_function_failed(tmp_path: Path, source: str, kind: str, says: bytes) -> None:
    """So that a benchmark never takes a failure for a fast answer."""
    outcome = outcome_of(tmp_path, source)
    assert outcome.kind == kind
    assert says in outcome.body


def test_the_runtime_api_does_not_wait_for_ever(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "import threading\ndef handler(event, context): threading.Event().wait()", patience=0.3)
    assert outcome.kind == "timeout"
