"""One local cloud for each directory: a lock of the operating system's, which ends with the process that holds it, even by SIGKILL."""

import fcntl
import os
from pathlib import Path

from local.emulator.process import CannotStart


class Lock:
    """Holds `<directory>/lock`, in which the owner's process id stands, until `release` or the end of this process."""

    def __init__(self, directory: Path) -> None:
        """Raises `CannotStart` if another process holds it; nothing was changed then."""
        directory.mkdir(parents=True, exist_ok=True)
        self._file = (directory / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(self._in_use(directory)) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let the next one have it."""
        self._file.close()

    def _in_use(self, directory: Path) -> str:
        with self._file:
            self._file.seek(0)
            owner = self._file.read() or "unknown"
        return (
            f"a local cloud is up in {directory} already: use that one, end it with Ctrl-C where it runs or by `kill {owner}`, "
            "or start the second in a clone of its own with a PORT= of its own"
        )
