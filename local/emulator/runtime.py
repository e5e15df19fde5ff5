"""Functions run on what Lambda's Python 3.13 has: the standard library, boto3 and what boto3 needs.

ministack runs them with this project's interpreter, whose packages would hide that a zip lacks one. Here they get no
site-packages but a folder of links, so a missing package fails here as it would there.
Source: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html (packages included in the runtime)

    POST /_ministack/function-clock   {"function": "name", "ahead": 3600}   from its next cold start on; 0: as everybody
"""

import shlex
import sys
from functools import partial
from pathlib import Path

import boto3
from ministack.core import lambda_runtime

from local.emulator import admin, function_clock

PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")


def install(directory: Path) -> None:
    """Make the folder of packages and the interpreter's wrapper in `directory`, and have Python functions use them."""
    packages = directory / "runtime"
    clocks = directory / "clocks"
    packages.mkdir(exist_ok=True)
    clocks.mkdir(exist_ok=True)
    installed = Path(boto3.__file__).parents[1]
    for name in PACKAGES:
        (packages / name).symlink_to(installed / name)
    python = _wrapper(directory / "python3.13", packages, clocks)
    original = lambda_runtime._detect_runtime_binary

    def binary(runtime: str) -> tuple[str, str]:
        found, script = original(runtime)
        return (str(python), script) if runtime.startswith("python") else (found, script)

    lambda_runtime._detect_runtime_binary = binary
    admin.pages["/_ministack/function-clock"] = partial(_set_clock, clocks)


def _wrapper(path: Path, packages: Path, clocks: Path) -> Path:
    """The interpreter of functions; one whose clock is set is started by it."""
    python, clock = f"{shlex.quote(sys.executable)} -S", f'{shlex.quote(str(clocks))}/"$AWS_LAMBDA_FUNCTION_NAME"'
    path.write_text(
        f"#!/bin/sh\nexport PYTHONPATH={shlex.quote(str(packages))}\n"
        f'[ ! -f {clock} ] || exec {python} {shlex.quote(function_clock.__file__)} "$(cat {clock})" "$@"\n'
        f'exec {python} "$@"\n'
    )
    path.chmod(0o755)
    return path


def _set_clock(clocks: Path, wanted: admin.Json | None) -> admin.Json:
    if wanted is not None:
        clock = clocks / Path(wanted["function"]).name
        clock.write_text(str(float(wanted["ahead"])))
        if not wanted["ahead"]:
            clock.unlink()
        lambda_runtime.invalidate_worker(wanted["function"])
    return {clock.name: float(clock.read_text()) for clock in clocks.iterdir()}
