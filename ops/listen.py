"""`fallback voicemails list | play | download | ack | unack`: who called, what they said, and who has seen to it."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from urllib3.exceptions import HTTPError

from lambdas.workers.events import Item
from lambdas.workers.voicemails import HEAR, shown
from ops import audit, inbox
from ops.deployment import OpsError
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionsOption, ShowOption, SinceOption
from ops.period import Period
from ops.screen import err, out
from ops.words import clock, count

#: Programs that play a file and end with it: macOS, PulseAudio, ALSA, SoX, FFmpeg.
PLAYERS = (("afplay",), ("paplay",), ("aplay", "-q"), ("play", "-q"), ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"))
SUMS, DIGITS = "SHA256SUMS", 64  #: the file of checksums, and the length of one; two characters on, the name of its file

SidArgument = Annotated[str, typer.Argument(help="SID of the recording (RE…) or of its call (CA…)")]


def list_voicemails(
    since: SinceOption = None,
    as_json: JsonOption = False,
    show_numbers: ShowOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Voicemails that wait to be heard. With --since all of that time, whatever became of them.

    Examples:

        fallback voicemails list

        fallback voicemails list --since 2d --show-numbers
    """
    desk = Desk.open(environment, region, show_numbers, "numbers of voicemails")
    found = [desk.view(item) for item in chosen(desk, since)]
    if as_json:
        for item in found:
            print(json.dumps(item))
        return
    for item in found:
        out.print(line(item))
    what = "in this period" if since else "to be heard"
    out.print(f"{count(len(found), 'voicemail')} {what}." + ("" if since else " `--since 2d` shows all of two days."))


def chosen(desk: Desk, since: str | None) -> list[Item]:
    """Those that wait, or all of a time."""
    return inbox.within(desk, Period.of(since, None, None, datetime.now(UTC))) if since else inbox.waiting(desk)


def line(item: Item) -> str:
    """A voicemail in two lines, which fit on any screen."""
    when = clock(datetime.fromisoformat(item["time"]))
    spoken = f"{int(item['seconds']) // 60}:{int(item['seconds']) % 60:02}" if item.get("seconds") is not None else "?:??"
    state = "to be heard" if item.get("todo") == HEAR else shown(item)
    heard = f" by {item['heard_by']}" if item.get("heard_by") else ""
    people = f"{item.get('from') or 'unknown'} to {item.get('to') or 'unknown'}"
    reason = item.get("reason") or item.get("why_empty") or item.get("differs") or item.get("media_url") or item.get("note") or ""
    first = f"{when}  {spoken}  {escape(people)}  [bold]{escape(state + heard)}[/] {escape(reason)}"
    return f"{first}\n[dim]{'':{len(when)}}  {item['sid']}  call {item['pk']}[/]"


def play(
    sid: SidArgument,
    save: Annotated[Path | None, typer.Option(help="write the file there instead of playing it")] = None,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Play a voicemail with the system's player. Without one it is saved; the audit trail notes it.

    Example:

        fallback voicemails play RE0123456789abcdef0123456789abcdef
    """
    desk = Desk.open(environment, region)
    item = inbox.find(desk, sid)
    audit.note(desk.at(item), "heard a voicemail", item["sid"])
    player = next((command for command in PLAYERS if shutil.which(command[0])), None)
    if save or not player:
        target = save or Path(f"{item['sid']}{Path(item.get('key', '')).suffix}")
        fetch(desk, item, target)
        out.print(f"saved as {target}" + ("" if save else ": no player was found (afplay, paplay, aplay, play, ffplay)"))
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{item['sid']}{Path(item.get('key', '')).suffix}"
            fetch(desk, item, file)
            subprocess.run([*player, str(file)], check=False)  # noqa: S603 - a known player, our own file
    ack_it = desk.command(f"voicemails ack {item['sid']} --note '...'")
    out.print(f"Seen to? {ack_it}", markup=False, soft_wrap=True)


def fetch(desk: Desk, item: Item, target: Path) -> None:
    """Write a voicemail's file at once. Raises OpsError."""
    for _ in pieces(desk, item, target):
        pass


def pieces(desk: Desk, item: Item, target: Path) -> Iterator[int]:
    """Write a voicemail's file and say after each piece how long it was; what an earlier attempt wrote is kept, the whole is checked."""
    part = target.with_name(f"{target.name}.part")
    have = part.stat().st_size if part.exists() else 0
    yield have
    if have < int(item.get("bytes") or have + 1):
        chunks, _ = inbox.audio(desk, item, have)
        with part.open("ab") as file:
            for chunk in unbroken(chunks, item["sid"]):
                file.write(chunk)
                yield len(chunk)
    if digest(part) != item["sha256"]:
        part.unlink()
        raise OpsError(f"{target.name}: what arrived is not what was stored; it was removed, try again")
    part.replace(target)


def unbroken(chunks: Iterator[bytes], sid: str) -> Iterator[bytes]:
    """The audio as it arrives. Raises OpsError where it breaks off: botocore's errors on the way, urllib3's where it knows none."""
    try:
        yield from chunks
    except (BotoCoreError, HTTPError) as error:
        raise OpsError(f"the audio of {sid} broke off ({error}); try again: what arrived is kept") from error


def digest(file: Path) -> str:
    """SHA-256 in hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def download(
    directory: Annotated[Path, typer.Argument(help="where to; made if it is not there")] = Path("voicemails"),
    since: SinceOption = None,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Download voicemails, with their checksums. Those that wait, or with --since all of that time; what is there is not fetched again.

    Examples:

        fallback voicemails download

        fallback voicemails download /tmp/outage --since 1d
    """
    desk = Desk.open(environment, region)
    found = [item for item in chosen(desk, since) if item.get("key")]
    audit.note(desk.deployments[0], f"downloaded {count(len(found), 'voicemail')}")
    directory.mkdir(parents=True, exist_ok=True)
    failed = list(fetched(desk, found, directory))
    there = {name_of(item): item["sha256"] for item in found if (directory / name_of(item)).exists()}
    note_sums(directory / SUMS, there)
    out.print(f"{count(len(there), 'voicemail')} in {directory}; check them with: cd {directory} && sha256sum -c {SUMS}")
    if failed:
        raise OpsError("; ".join(failed))


def note_sums(file: Path, sums: dict[str, str]) -> None:
    """Add the checksums of files by their names to those of earlier downloads, in the format of `sha256sum`, in order of names."""
    lines = file.read_text().splitlines() if file.exists() else []
    noted = {line[DIGITS + 2 :]: line for line in lines if line} | {name: f"{sha256}  {name}" for name, sha256 in sums.items()}
    file.write_text("".join(f"{noted[name]}\n" for name in sorted(noted)))


def fetched(desk: Desk, found: list[Item], directory: Path) -> Iterator[str]:
    """Fetch what is not there yet, with a progress bar; the reasons of those that could not be."""
    missing = [item for item in found if not is_there(item, directory)]
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        bar = progress.add_task("downloading", total=sum(int(item.get("bytes", 0)) for item in missing))
        for item in missing:
            try:
                for length in pieces(desk, item, directory / name_of(item)):
                    progress.advance(bar, length)
            except OpsError as error:
                yield str(error)


def is_there(item: Item, directory: Path) -> bool:
    """Whether the file is there, whole."""
    file = directory / name_of(item)
    return file.exists() and digest(file) == item["sha256"]


def name_of(item: Item) -> str:
    """A file name that sorts by time and holds no number: `20261121T024107Z-RE….wav`."""
    return f"{item['time'][:19].replace('-', '').replace(':', '')}Z-{Path(item['key']).name}"


def ack(
    sid: SidArgument,
    note: Annotated[str, typer.Option(help="what was done, as in 'called back'")] = "",
    by: Annotated[str, typer.Option(help="your name; the name of your AWS credentials if none is given")] = "",
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """Acknowledge a voicemail: somebody sees to it.

    Example:

        fallback voicemails ack RE0123456789abcdef0123456789abcdef --note "called back, will come on Monday"
    """
    desk = Desk.open(environment, region)
    item = inbox.find(desk, sid)
    name = by or audit.who(desk.at(item))
    inbox.acknowledge(desk, item, name, note)
    out.print(f"{item['sid']} acknowledged by {name}")


def unack(sid: SidArgument, environment: EnvironmentOption = PRODUCTION, region: RegionsOption = None) -> None:
    """Let a voicemail wait again.

    Example:

        fallback voicemails unack RE0123456789abcdef0123456789abcdef
    """
    desk = Desk.open(environment, region)
    item = inbox.find(desk, sid)
    inbox.reopen(desk, item)
    out.print(f"{item['sid']} waits to be heard")
