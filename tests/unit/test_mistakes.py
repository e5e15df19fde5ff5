"""What is said of mistakes: `mistakes/settings.toml` is a table of edits of `mistakes/good.toml`, each with every line that is told of it;
`mistakes/templates.toml` one of files in a flow of a team's own. (Mistakes in `-c KEY=VALUE`: test_deployable.py.)

A sentence that changes is changed there too, read aloud.
"""

import io
import tomllib
import wave
from pathlib import Path
from typing import Any

import pytest

from answerbook.check import check_file
from config.file import File
from config.folders import TEMPLATES, Folders
from config.mistakes import ConfigError
from config.toml import read_text

HERE = Path(__file__).parent / "mistakes"
GOOD = (HERE / "good.toml").read_text(encoding="utf-8")
CASES: list[dict[str, Any]] = tomllib.loads((HERE / "settings.toml").read_text(encoding="utf-8"))["mistake"]
TEMPLATE_CASES: list[dict[str, Any]] = tomllib.loads((HERE / "templates.toml").read_text(encoding="utf-8"))["mistake"]
#: The answer that becomes one of the flow `own`.
SORRY = '[answer.sorry]\nflow = "apology"\ntext = "Sorry, {From}."\n'


def told(text: str, own: Path = TEMPLATES) -> list[str]:
    """Every line that is told of settings and templates; of templates the path below their folder."""
    try:
        return [f"warning: {warning}" for warning in check_file("test", File(Path("test.toml"), text), Folders(own)).warnings]
    except ConfigError as error:
        return [mistake.replace(f"{TEMPLATES}/", "").replace(f"{own}/", "") for mistake in error.mistakes]


def test_the_settings_that_are_edited_are_good() -> None:
    assert told(GOOD) == []


def test_the_table_is_long() -> None:
    assert len(CASES) >= 176


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["new"])[:60] or f"without {case['old'][:50]}")
def test_a_mistake_is_told_with_line_and_remedy(case: dict[str, Any]) -> None:
    assert GOOD.count(case["old"]) >= 1
    assert told(GOOD.replace(case["old"], case["new"], 1)) == case["says"]


@pytest.mark.parametrize("name", ["My Company", "acme_1", "zürich", "-acme", "acme.eu", "a" * 41])
def test_an_environment_has_a_name_that_aws_takes(name: str) -> None:
    """Or the CDK would end with a traceback, or CloudFormation in the middle of a deployment."""
    with pytest.raises(ConfigError) as caught:
        check_file(name, File(Path(f"{name}.toml"), GOOD), Folders())
    assert str(caught.value).startswith(f"{name}.toml:1: environment: the file's name, {name!r}, cannot be part of names at AWS; rename it")


def wav(kept: int) -> bytes:
    """The first bytes of a WAV file of one second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 8000, 8000, "NONE", ""))
        out.writeframes(bytes(16_000))
    return file.getvalue()[:kept]


def own_flow(folder: Path, case: dict[str, Any]) -> Path:
    """The files of a case in the flow `own`; of `audio` so many bytes of a WAV file."""
    (folder / "own").mkdir()
    (folder / "own/start.xml").write_text("<Response><Say>Hello</Say></Response>", encoding="utf-8")
    for name, content in case.get("files", {}).items():
        (folder / "own" / name).write_text(content, encoding="utf-8")
    for name, kept in case.get("audio", {}).items():
        (folder / "own" / name).write_bytes(wav(kept))
    return folder


@pytest.mark.parametrize("case", TEMPLATE_CASES, ids=lambda case: str({**case.get("files", {}), **case.get("audio", {})})[:70])
def test_a_mistake_in_a_template_is_told_with_line_and_remedy(case: dict[str, Any], tmp_path: Path) -> None:
    settings = GOOD.replace(SORRY, f'[answer.sorry]\nflow = "own"\n{case.get("values", "")}\n', 1)
    assert told(settings, own_flow(tmp_path, case)) == case["says"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a = 1\nb = 'ü'\n".encode("latin-1"), "x.toml:2: the byte 0xfc is not UTF-8, perhaps 'ü' of a Latin-1 or Windows file; save"),
        ("a = 1\n".encode("utf-8-sig"), "x.toml:1: the file is saved as UTF-8 with a byte order mark; save it as UTF-8 (in Windows"),
        ("a = 1\n".encode("utf-16"), "x.toml:1: the file is saved as UTF-16; save it as UTF-8"),
    ],
)
def test_another_encoding_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_text(tmp_path / "x.toml")
    assert str(caught.value).startswith(f"{tmp_path}/{says}")
