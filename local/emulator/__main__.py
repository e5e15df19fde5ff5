"""Run the mended emulator until the process that started it closes our standard input, dies, or asks with SIGTERM.

Settings are ministack's environment variables; TMPDIR is where everything that is written goes.
"""

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from ministack import app
from ministack.core import lambda_runtime
from ministack.services.cloudformation import provisioners

from local.emulator import (
    access_log,
    admin,
    alarms,
    async_invoke,
    concurrency,
    creations,
    deliveries,
    expressions,
    filter_pattern,
    function_metrics,
    gateway,
    metrics,
    names,
    notices,
    outages,
    permissions,
    progress,
    queues,
    runtime,
    secret_refs,
)

MENDS = (
    access_log,
    admin,
    async_invoke,
    concurrency,
    creations,
    deliveries,
    expressions,
    filter_pattern,
    metrics,
    function_metrics,
    names,
    alarms,
    gateway,
    notices,
    outages,
    permissions,
    progress,
    queues,
    secret_refs,
)


def main() -> None:
    """Mend, then serve on BIND_HOST:GATEWAY_PORT and nowhere else."""
    for mend in MENDS:
        mend.install()
    runtime.install(Path(tempfile.gettempdir()))
    admin.pages["/_ministack/resource-types"] = _resource_types
    app._port_is_bindable = _no_second_port
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        app.main()
    finally:
        lambda_runtime.reset()


def _no_second_port(*_: object) -> bool:
    """ministack would listen on 443 too, where clients look for Cognito."""
    return False


def _resource_types(_: admin.Json | None) -> admin.Json:
    return {"types": sorted(provisioners._RESOURCE_HANDLERS)}


def _end_with_parent() -> None:
    """Our standard input is a pipe that nobody writes to: it ends when the parent closes it or is no more.

    Then everything ends at once, functions that hang or are just starting too: `process` gave us a process group of our own.
    """
    sys.stdin.buffer.read()
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
