"""`fallback export`: an export that breaks off ends."""

import threading
from datetime import timedelta

import pytest

from ops import export
from tests.unit.engineer import add, deployment, emptied, event, sid


def test_an_export_that_nobody_reads_any_more_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """A progress bar that is left open is waited for when Python ends, for ever."""
    read = iter(range(2))

    def write(_: str) -> None:
        if next(read, None) is None:
            raise BrokenPipeError

    with deployment():
        emptied()
        add(*(event(sid("CA", number), timedelta(minutes=number)) for number in range(5)))
        monkeypatch.setattr("sys.stdout.write", write)
        with pytest.raises(BrokenPipeError) as broken:
            export.export(jsonl=True, since="1h", environment="local")
    assert broken.value.__traceback__, "and with it whatever was at work then"
    assert "_TrackThread" not in [type(thread).__name__ for thread in threading.enumerate()]
