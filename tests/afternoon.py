"""A newcomer's afternoon, played from an empty folder: clone, own settings, calls, an outage, hand-back, erasure, roll back.

    python3 tests/afternoon.py [--revision COMMIT] [--keep]

Any Python 3.9 or later plays it, with the standard library alone: the newcomer has nothing else yet. The folder's name has a space in it,
HOME is new, nothing lies beside the clone, and PATH has no Python 3.13 (uv fetches one, where it can). Registry settings of the machine are
kept.
Exit status: 0 everything went as the pages say, 1 something did not; what was typed and what came is printed either way.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

HERE = Path(__file__).resolve().parents[1]
PORT = 4571
EXTENSIONS = 300
GERMAN, ENGLISH, TEXTER = "+493023125901", "+12025550177", "+12025550178"
HOTLINE = "+12025550106"
OFFICE, NIGHT = "2027-03-02T10:00+01:00", "2027-03-02T03:00+01:00"
#: Of the machine's environment a newcomer has only how its registries are reached.
KEPT = ("PIP_", "UV_", "SSL_", "NODE_EXTRA", "NPM_", "npm_", "REQUESTS_", "CURL_", "http", "HTTP", "no_proxy", "NO_PROXY", "LANG", "TERM")
PLAIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NO_PYTHON = "no Python 3.13"
PATIENCE = 1800  #: seconds after which something hangs


class WentWrong(Exception):
    """What the pages promise did not happen."""


@dataclass
class Newcomer:
    """Somebody with an empty folder: what they type, and what comes of it."""

    folder: Path
    environment: dict[str, str]
    began: float = field(default_factory=time.monotonic)

    @property
    def clone(self) -> Path:
        """The clone, in a folder whose name has a space."""
        return self.folder / "an afternoon" / "clone"

    @property
    def settings(self) -> Path:
        """The company's own settings, beside the clone."""
        return self.folder / "an afternoon" / "acme"

    def types(self, *words: str, status: int | None = 0, **more: str) -> str:
        """Run a command in the clone and return all that it said. Raises WentWrong on another exit status than expected (None: any)."""
        began = time.monotonic()
        done = subprocess.run(
            words, cwd=self.clone if self.clone.exists() else self.folder, env=self.environment | more, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        print(
            f"{time.monotonic() - self.began:6.0f} s  {' '.join(words)}  ({time.monotonic() - began:.1f} s, exit {done.returncode})",
            flush=True,
        )
        if status is not None and done.returncode != status:
            raise WentWrong(f"{' '.join(words)}: exit {done.returncode}, not {status}\n{done.stdout}")
        return done.stdout

    def calls(self, *words: str) -> dict[str, Any]:
        """Use the telephone of `make run`; what happened, as JSON."""
        said: dict[str, Any] = json.loads(self.types(".venv/bin/python", "-m", "local.call", *words, "--json"))
        return said

    def asks(self, *words: str, status: int | None = 0) -> str:
        """Use the `fallback` command against the laptop's cloud, as the shell does after `. .local/environment`."""
        return self.types("sh", "-c", '. .local/environment && exec .venv/bin/fallback "$@"', "sh", *words, status=status)

    def lines(self, *words: str) -> list[dict[str, Any]]:
        """The same with --json, a line an object."""
        return [json.loads(line) for line in self.asks(*words, "--json").splitlines() if line.startswith("{")]


def expect(holds: object, promise: str, seen: object = "") -> None:
    """Hold what came to what was promised. Raises WentWrong."""
    if not holds:
        raise WentWrong(f"did not hold: {promise}\n{seen}")
    print(f"          holds: {promise}", flush=True)


def newcomer(folder: Path) -> Newcomer:
    """A new HOME, a plain PATH, and the machine's registry settings."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    for name, file in (("NPM_CONFIG_USERCONFIG", ".npmrc"), ("PIP_CONFIG_FILE", ".config/pip/pip.conf")):
        if (Path.home() / file).exists():
            kept.setdefault(name, str(Path.home() / file))
    home = folder / "home"
    home.mkdir()
    return Newcomer(folder, kept | {"HOME": str(home), "PATH": PLAIN_PATH, "PYTHONDONTWRITEBYTECODE": ""})


def clones(person: Newcomer, revision: str) -> None:
    """Nothing lies beside the clone but the company's settings."""
    person.clone.parent.mkdir()
    person.types("git", "clone", "-q", str(HERE), str(person.clone))
    person.types("git", "-c", "advice.detachedHead=false", "checkout", "-q", revision)


def writes_settings(person: Newcomer) -> None:
    """The company of the tests, with a directory of 300 extensions, and one document of its own."""
    person.settings.mkdir()
    shutil.copy(person.clone / "tests/company/acme.toml", person.settings)
    goodbye = person.settings / "templates/voicemail/goodbye.xml"
    goodbye.parent.mkdir(parents=True)
    shipped = (person.clone / "twiml_templates/voicemail/goodbye.xml").read_text(encoding="utf-8")
    goodbye.write_text(shipped.replace("<Response>", "<Response>\n  <!-- acme's own -->", 1), encoding="utf-8")


def sets_up(person: Newcomer) -> None:
    """`make` sets everything up, with a Python that uv fetches; where uv cannot, it says so and takes the one that PYTHON names."""
    said = person.types("make", "check-config", f"CONFIG={person.settings}", f"TEMPLATES={person.settings}/templates", status=None)
    if NO_PYTHON in said:
        expect("PYTHON=" in said and "error: " in said, "where no Python 3.13 can be had, uv says why and the remedy names PYTHON=", said)
        person.environment["PYTHON"] = python_313()
        person.types("make", "check-config", f"CONFIG={person.settings}", f"TEMPLATES={person.settings}/templates")


def python_313() -> str:
    """A Python 3.13 of this machine, off the newcomer's PATH. Raises WentWrong."""
    roots = [Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions"]
    found = [str(path) for root in roots for path in sorted(root.glob("3.13*/bin/python3.13"))]
    found += [path for path in (shutil.which("python3.13"), sys.executable if sys.version_info[:2] == (3, 13) else None) if path]
    for path in found:
        if subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0:
            return path
    raise WentWrong("uv could not fetch Python 3.13 and this machine has none")


@contextmanager
def running(person: Newcomer) -> Iterator[None]:
    """`make run` with the company's settings, up until the afternoon is over; then Ctrl-C."""
    words = ["make", "run", f"CONFIG={person.settings}", f"TEMPLATES={person.settings}/templates", f"PORT={PORT}"]
    log = (person.folder / "run.log").open("w")
    with subprocess.Popen(
        words, cwd=person.clone, env=person.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    ) as run:
        try:
            person.types(".venv/bin/python", "-m", "local.call", "ready", "--wait", "900")
            yield
        except BaseException:
            print((person.folder / "run.log").read_text())
            raise
        finally:
            os.killpg(run.pid, signal.SIGINT)
            run.wait(timeout=120)
    said = (person.folder / "run.log").read_text()
    expect("Traceback" not in said, "Ctrl-C ends `make run` without a traceback", said)
    over = person.asks("status", status=1)
    expect("`make run` is over" in over, "afterwards `fallback` says that `make run` is over", over)


def calls_in_both_languages(person: Newcomer) -> None:
    """Hours, countries, a menu, the directory of a trunk."""
    told = json.dumps(
        person.calls("voice", "--to", HOTLINE, "--from", GERMAN, "--at", OFFICE, "--digits", "2", "--says", "Bitte rufen Sie zurueck"),
        ensure_ascii=False,
    )
    expect("Für Störungen drücken Sie die Eins" in told, "a German caller gets the German menu in office hours", told)
    expect("Bitte sprechen Sie nach dem Ton" in told, "key 2 leads to the German mailbox", told)
    told = json.dumps(
        person.calls("voice", "--to", HOTLINE, "--from", ENGLISH, "--at", OFFICE, "--digits", "9,2", "--says", "Please call me back")
    )
    expect(
        "For faults press 1" in told and "not one of the choices" in told,
        "an English caller gets the English menu, and again after a wrong key",
        told,
    )
    told = json.dumps(
        person.calls("voice", "--to", HOTLINE, "--from", ENGLISH, "--at", NIGHT, "--says", "Please call me back in the morning")
    )
    expect("For faults press 1" not in told and "leave a message" in told, "at night there is no menu but the mailbox", told)
    directory = re.findall(r'"(\+\d+)" = "(sip:[^"]+)"', (person.settings / "acme.toml").read_text(encoding="utf-8"))
    expect(len(directory) == EXTENSIONS, f"the directory has {EXTENSIONS} extensions", len(directory))
    for number, extension in (directory[0], directory[EXTENSIONS // 2], directory[-1]):
        told = json.dumps(person.calls("trunk", "berlin", "--to", number, "--from", GERMAN, "--picks-up", extension))
        expect(extension in told, f"over the trunk {number} reaches {extension}", told)
    wrong = person.types(".venv/bin/python", "-m", "local.call", "trunk", "berlni", status=2)
    expect("berlin" in wrong, "a misspelt trunk is told with the nearest name", wrong)


def texts(person: Newcomer, primary: str) -> None:
    """A customer gets one reply, STOP gets none of ours; the primary misses three texts."""
    first = person.calls("text", "Where is my order?", "--to", HOTLINE, "--from", TEXTER, "--error-url", f"{primary}/sms")
    expect(len(first["replies"]) == 1, "a text gets one reply", first)
    second = person.calls("text", "Hello??", "--to", HOTLINE, "--from", TEXTER, "--error-url", f"{primary}/sms")
    expect(second["replies"] == [], "and no second one in the quiet period", second)
    stop = person.calls("text", "STOP", "--to", HOTLINE, "--from", "+12025550179", "--error-url", f"{primary}/sms")
    expect(stop["replies"] == [], "STOP is left to Twilio", stop)
    whatsapp = person.calls("text", "Hi", "--to", HOTLINE, "--whatsapp", "--from", "+12025550180", "--error-url", f"{primary}/sms")
    expect(whatsapp["sid"].startswith(("SM", "MM")), "WhatsApp is answered too", whatsapp)


class Primary:
    """The company's own application, well again: it takes what is handed back."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        primary = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """The health address."""
                self._answer(b"ok", "text/plain")

            def do_POST(self) -> None:
                """A webhook of Twilio's."""
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                primary.bodies += form.get("Body", [])
                self._answer(b"<Response/>", "text/xml")

            def _answer(self, body: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def looks(person: Newcomer) -> None:
    """What on-call sees, of an environment whose settings this clone does not have."""
    expect(not (person.clone / "config/acme.toml").exists(), "the clone has no settings of acme")
    state = person.asks("status", status=None)
    expect("OUTAGE" in state, "`fallback` says that there is an outage", state)
    codes = {each.get("code") for each in person.lines("errors", "--since", "1h")}
    expect("11202" in codes, "`fallback errors` names the code", codes)
    messages = person.lines("voicemails", "list")
    expect(len(messages) >= 3, "`fallback voicemails list` has what callers said", messages)


def hands_back(person: Newcomer, primary: Primary) -> None:
    """The dry run says what would go; then each text reaches the primary once, and STOP first of all stays with Twilio."""
    dry = person.asks("replay", "--since", "1h")
    expect("dry run" in dry and not primary.bodies, "`fallback replay` is a dry run unless told otherwise", dry)
    own = urlsplit(primary.url).netloc  # the disasters' texts are for the host in the settings, which is not there
    said = person.asks("replay", "--since", "1h", "--url", own, "--no-dry-run", status=None)
    expect({"Where is my order?", "Hello??"} <= set(primary.bodies), "`fallback replay --no-dry-run` hands the texts back", said)
    expect(len(primary.bodies) == len(set(primary.bodies)), "each of them once", primary.bodies)


def forgets(person: Newcomer) -> None:
    """The company's own number is refused; a person is gone afterwards."""
    own = person.asks("forget", "--number", HOTLINE, status=1)
    expect("company's own" in own, "`fallback forget` refuses the company's own number", own)
    person.asks("forget", "--number", TEXTER, "--no-dry-run")
    again = person.asks("forget", "--number", TEXTER)
    expect("Nothing is kept" in again, "`fallback forget` leaves nothing of a person", again)


def rolls_back(person: Newcomer) -> None:
    """An edit is deployed, turns out bad, and the version before is deployed again."""
    file = person.settings / "acme.toml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("Our phone system is down.", "Our telephones are broken."), encoding="utf-8")
    person.types("make", "redeploy")
    told = json.dumps(person.calls("voice", "--to", HOTLINE, "--from", ENGLISH, "--at", NIGHT))
    expect("Our telephones are broken." in told, "an edit is heard after `make redeploy`", told)
    file.write_text(before, encoding="utf-8")
    person.types("make", "redeploy")
    told = json.dumps(person.calls("voice", "--to", HOTLINE, "--from", ENGLISH, "--at", NIGHT))
    expect("Our phone system is down." in told, "rolled back, callers hear what they heard before", told)


def second_run_is_refused(person: Newcomer) -> None:
    """Whoever starts it twice is told so, and the one that runs goes on."""
    said = person.types("make", "demo", status=2)
    expect("already" in said or "running" in said or "another" in said, "a second start in the same clone is refused", said)


def afternoon(person: Newcomer, revision: str) -> None:
    """All of it. Raises WentWrong."""
    clones(person, revision)
    writes_settings(person)
    sets_up(person)
    primary = Primary()
    with running(person):
        second_run_is_refused(person)
        calls_in_both_languages(person)
        texts(person, primary.url)
        looks(person)
        hands_back(person, primary)
        forgets(person)
        rolls_back(person)


def main() -> int:
    """Play it in a temporary folder, which goes unless it shall be kept."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--revision", default="HEAD", help="the commit to clone")
    parser.add_argument("--keep", action="store_true", help="leave the folder behind")
    options = parser.parse_args()
    revision = subprocess.run(["git", "rev-parse", options.revision], cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()
    folder = Path(tempfile.mkdtemp())
    try:
        afternoon(newcomer(folder), revision)
    except WentWrong as wrong:
        print(f"\nwent wrong: {wrong}")
        return 1
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print("\nthe afternoon went as the pages say")
    return 0


if __name__ == "__main__":
    sys.exit(main())
