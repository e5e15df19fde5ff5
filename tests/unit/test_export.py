"""`fallback export`: an export that breaks off ends."""

import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

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


def test_every_code_of_an_event_is_in_the_table_of_codes(tmp_path: Path) -> None:
    """Callbacks say 0 where there was no error."""
    events = [event(sid("CA", number), error_code=code) for number, code in enumerate(("0", "11200", "99999"))] + [event(sid("CA", 9))]
    assert export.write_sqlite(tmp_path / "all.db", events) == 4
    with closing(sqlite3.connect(tmp_path / "all.db")) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert {code for (code,) in database.execute("SELECT code FROM error_codes")} >= {"11200", "99999"}
        assert database.execute("SELECT count(*) FROM events WHERE error_code IS NULL OR error_code = '0'").fetchone()[0] >= 1
