"""What is deployed: the zip of the answer function, and what it loads when it starts under the real runtime client."""

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from answerbook.compile import compile_book
from config.settings import load
from stacks.functions import ROOT, answer_files, zipped
from tests.unit.gateway import CALLED, environment, signed

pytestmark = pytest.mark.slow

#: What a cold start may not load: each costs more than the whole answer (`make bench`).
HEAVY = (
    "asyncio", "aws_lambda_powertools", "boto3", "botocore", "dataclasses", "http.client", "inspect", "jinja2", "pydantic", "requests",
    "tempfile", "typing", "typing_extensions", "urllib.request", "urllib3", "xml", "zoneinfo",
)  # fmt: skip
LARGEST = 250 * 1000  #: bytes of the zip, which is not compressed: so many are written at each cold start

#: Loads the handler as the runtime does and answers once, counting what is compiled and naming what is loaded.
START = """
import json, sys
import awslambdaric.bootstrap
import concurrent.futures.thread
before, compiled = set(sys.modules), []
sys.addaudithook(lambda name, given: name == "compile" and str(given[1]).endswith(".py") and compiled.append(given[1]))
handler = awslambdaric.bootstrap._get_handler("lambdas.answer.handler.handler")
with open(sys.argv[1]) as file:
    answered = handler(json.load(file), None)
assert answered["statusCode"] == 200
print(json.dumps({"compiled": compiled, "loaded": sorted(set(sys.modules) - before)}))
"""


@pytest.fixture(scope="module")
def archive() -> Path:
    """The zip of the local environment."""
    return zipped("answer", answer_files(compile_book(load("local"))))


@pytest.fixture(scope="module")
def started(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What happened in a fresh process that started from the zip and answered one call, Secrets Manager being down."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    event = folder / "event.json"
    event.write_text(json.dumps(signed("/voice", CALLED)))
    path = os.pathsep.join((str(folder), sysconfig.get_path("purelib")))
    variables = environment("https://127.0.0.1:1", folder / "ca.pem") | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    printed = subprocess.run(
        [sys.executable, "-S", "-P", "-c", START, event], cwd=folder, env=variables, capture_output=True, text=True, check=True
    )
    assert printed.stderr == ""
    found: dict[str, list[str]] = json.loads(printed.stdout.splitlines()[-1])
    assert "lambdas.answer.handler" in found["loaded"]
    return found


def test_it_is_small(archive: Path) -> None:
    """A small zip is fetched and unpacked fast at every cold start."""
    assert archive.stat().st_size <= LARGEST


def test_nothing_in_it_depends_on_the_machine_that_made_it(archive: Path) -> None:
    """Not on its zlib, its clock, its system, its umask."""
    with zipfile.ZipFile(archive) as file:
        made = {(each.compress_type, each.date_time, each.create_system, each.external_attr) for each in file.infolist()}
        names = file.namelist()
    assert made == {(zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0), 3, 0o644 << 16)}
    assert names == sorted(names)


def test_another_patch_of_python_is_no_other_release(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may compile a line otherwise. The zip's name, by which it is kept in S3, says what is in it and how it was made."""
    files = answer_files(compile_book(load("local")))
    with monkeypatch.context() as patched:
        patched.setattr(sys, "version", "3.13.99 (another machine)")
        patched.setattr("stacks.functions.pyc", lambda path, source: b"compiled otherwise")
        assert zipped("answer", files) == archive
    assert zipped("answer", files | {"lambdas/__init__.py": b"#"}) != archive
    monkeypatch.setattr("stacks.functions.RECIPE", b"made otherwise")
    assert zipped("answer", files) != archive


def test_it_holds_what_the_answer_needs_and_no_more(archive: Path) -> None:
    """Our own modules, Twilio's validator, the book, Amazon's roots."""
    names = [name for name in zipfile.ZipFile(archive).namelist() if "__pycache__" not in name]
    own = {str(path.relative_to(ROOT)) for path in (ROOT / "lambdas/answer").glob("*.py")} | {"lambdas/__init__.py"}
    data = {"lambdas/answer/answerbook.json", "lambdas/answer/roots.pem"}
    assert set(names) == own | data | {"twilio/__init__.py", "twilio/request_validator.py"}


def test_each_module_is_compiled_and_trusted_without_a_look_at_its_source(archive: Path) -> None:
    """PEP 552's unchecked hash: the timestamps of a zip say nothing, and a module that is compiled anew costs every cold start."""
    with zipfile.ZipFile(archive) as file:
        for name in [name for name in file.namelist() if name.endswith(".py")]:
            folder, _, module = name.rpartition("/")
            compiled = file.read(f"{folder}/__pycache__/{module.removesuffix('.py')}.cpython-313.pyc")
            assert compiled[:4] == importlib.util.MAGIC_NUMBER
            assert compiled[4:8] == b"\x01\x00\x00\x00"
            assert compiled[8:16] == importlib.util.source_hash(file.read(name))


def test_nothing_is_compiled_at_the_start(started: dict[str, list[str]]) -> None:
    assert started["compiled"] == []


def test_nothing_heavy_is_loaded(started: dict[str, list[str]]) -> None:
    """Beyond what the runtime's own client has loaded already."""
    tops = {name for name in started["loaded"] if name in HEAVY or name.partition(".")[0] in HEAVY}
    assert tops == set()


def test_tls_is_loaded_only_when_somebody_answers(started: dict[str, list[str]]) -> None:
    """A fifth of the start, saved where Secrets Manager cannot be reached."""
    assert "ssl" not in started["loaded"]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process, with another hash seed, at another time: else each deployment would replace the function."""
    script = "; ".join(
        (
            f"import pathlib, sys; sys.path.insert(0, {str(ROOT)!r})",
            "import stacks.functions as functions; from answerbook.compile import compile_book; from config.settings import load",
            "functions.BUILD = pathlib.Path(sys.argv[1])",
            "print(functions.zipped('answer', functions.answer_files(compile_book(load('local')))))",
        )
    )
    variables = os.environ | {"PYTHONHASHSEED": "7"}
    printed = subprocess.run([sys.executable, "-c", script, tmp_path / "there"], env=variables, capture_output=True, text=True, check=True)
    monkeypatch.setattr("stacks.functions.BUILD", tmp_path / "here")
    here = zipped("answer", answer_files(compile_book(load("local"))))
    assert here != Path(printed.stdout.strip())
    assert here.read_bytes() == Path(printed.stdout.strip()).read_bytes()


def test_zips_that_nobody_has_asked_for_in_a_day_go_when_the_next_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change of an answer makes new ones."""
    monkeypatch.setattr("stacks.functions.BUILD", tmp_path)
    first, second, other = zipped("a", {"x.txt": b"1"}), zipped("a", {"x.txt": b"2"}), zipped("b", {"x.txt": b"1"})
    for each in (first, second, other):
        os.utime(each, (0, 0))
    assert zipped("a", {"x.txt": b"2"}) == second
    third = zipped("a", {"x.txt": b"3"})
    assert sorted(tmp_path.iterdir()) == sorted((second, third, other))
