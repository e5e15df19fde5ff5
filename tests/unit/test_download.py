"""`fallback voicemails download`: what broke off is one voicemail's trouble, and whatever is in the folder can be verified."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ResponseStreamingError
from urllib3.exceptions import HTTPError, ProtocolError

from lambdas.workers.events import Item
from ops import inbox
from ops.desk import Desk
from tests.unit.engineer import add, deployment, emptied, fallback, sid, voicemail

Run = Callable[[Path], tuple[int, str]]
FIRST, SECOND = sid("RE", 1), sid("RE", 2)


@pytest.fixture(scope="module", autouse=True)
def cloud() -> Iterator[None]:
    with deployment():
        yield


@pytest.fixture
def download(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Downloads into a folder; exit status and standard error."""

    def downloading(folder: Path) -> tuple[int, str]:
        return fallback(monkeypatch, "voicemails", "download", str(folder)), capsys.readouterr().err

    emptied()
    return downloading


def verified(folder: Path) -> list[str]:
    """What `sha256sum` says of the folder, a line a file; fails if one is not as it was stored."""
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_what_was_downloaded_before_can_be_verified_still(download: Run, tmp_path: Path) -> None:
    add(voicemail(sid("CA"), FIRST, b"first"))
    download(tmp_path)
    emptied()
    add(voicemail(sid("CA", 2), SECOND, b"second"))
    for _ in range(2):
        assert download(tmp_path)[0] == 0
        assert len(verified(tmp_path)) == 2


@pytest.mark.parametrize("error", [ResponseStreamingError(error="reset"), ProtocolError("reset"), HTTPError("timed out")])
def test_an_audio_that_breaks_off_keeps_nobody_from_the_others(
    download: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It is said, and the next download goes on where it broke off."""
    whole = inbox.audio

    def breaking(desk: Desk, item: Item, *bounds: Any) -> tuple[Iterator[bytes], str]:
        chunks, type_ = whole(desk, item, *bounds)
        return (broken(next(chunks), error) if item["sid"] == SECOND else chunks), type_

    add(*(voicemail(sid("CA", number), sid("RE", number), b"said" * number) for number in (1, 2, 3)))
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "audio", breaking)
        status, said = download(tmp_path)
    assert status == 1
    assert f"the audio of {SECOND} broke off" in said
    assert len(verified(tmp_path)) == 2
    assert [part.read_bytes() for part in tmp_path.glob("*.part")] == [b"said"]
    assert download(tmp_path)[0] == 0
    assert len(verified(tmp_path)) == 3


def broken(chunk: bytes, error: Exception) -> Iterator[bytes]:
    """The first half of a chunk, and then an error."""
    yield chunk[: len(chunk) // 2]
    raise error
