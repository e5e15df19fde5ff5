"""Commands as they are printed: whole, so that what is copied asks the same environment in the same regions, and runs as it stands."""

import functools
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path


def command_line(words: str, environment: str, regions: Iterable[str]) -> str:
    """`.venv/bin/fallback voicemails list -e production --region us-west-2`."""
    where = (f"--region {shlex.quote(region)}" for region in regions)
    return " ".join([program(), *([words] if words else []), f"-e {shlex.quote(environment)}", *where])


@functools.cache
def program() -> str:
    """What runs this command: its name where the shell would find this one, else where it lies."""
    script = Path(sys.executable).with_name("fallback")
    found = shutil.which("fallback")
    if not script.exists() or (found and Path(found).resolve() == script.resolve()):
        return "fallback"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))
