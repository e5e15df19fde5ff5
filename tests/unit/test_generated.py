"""Generated files are written, or compared with what they should be."""

from pathlib import Path

import pytest

from ops import generated


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that is not there yet."""
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    return tmp_path / "docs" / "page.md"


def asked(page: Path, text: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit status of the program that writes the page."""
    monkeypatch.setattr("sys.argv", ["program", *words])
    return generated.write_or_check({page: text}, "the source says", "ops.page")


def test_what_was_written_is_what_it_should_be(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(page, "one\n", monkeypatch) == 0
    assert page.read_text() == "one\n"
    assert asked(page, "one\n", monkeypatch, "--check") == 0


@pytest.mark.parametrize("there", [True, False])
def test_a_stale_page_is_named_with_the_remedy_and_left_alone(
    page: Path, there: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if there:
        asked(page, "one\n", monkeypatch)
    assert asked(page, "two\n", monkeypatch, "--check") == 1
    assert capsys.readouterr().err == "docs/page.md is not what the source says: run `python -m ops.page`\n"
    assert page.exists() is there
    assert not there or page.read_text() == "one\n"
