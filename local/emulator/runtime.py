"""Functions run on what Lambda's Python 3.13 has: the standard library, boto3 and what boto3 needs.

ministack runs them with this project's interpreter, whose packages would hide that a zip lacks one. Here they get no
site-packages but a folder of links, so a missing package fails here as it would there.
Source: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html (packages included in the runtime)
"""

import shlex
import sys
from pathlib import Path

import boto3
from ministack.core import lambda_runtime

PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")


def install(directory: Path) -> None:
    """Make the folder of packages and the interpreter's wrapper in `directory`, and have Python functions use them."""
    packages = directory / "runtime"
    packages.mkdir(exist_ok=True)
    installed = Path(boto3.__file__).parents[1]
    for name in PACKAGES:
        (packages / name).symlink_to(installed / name)
    python = _wrapper(directory / "python3.13", packages)
    original = lambda_runtime._detect_runtime_binary

    def binary(runtime: str) -> tuple[str, str]:
        found, script = original(runtime)
        return (str(python), script) if runtime.startswith("python") else (found, script)

    lambda_runtime._detect_runtime_binary = binary


def _wrapper(path: Path, packages: Path) -> Path:
    command = f"PYTHONPATH={shlex.quote(str(packages))} exec {shlex.quote(sys.executable)} -S"
    path.write_text(f'#!/bin/sh\n{command} "$@"\n')
    path.chmod(0o755)
    return path
