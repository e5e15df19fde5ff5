"""Recordings at Twilio: fetching one with every check that it is one, listing them, deleting one.

What may come instead of audio has been stored as a voicemail by others: an XML error page with status 404, a page of HTML. So nothing
counts as a recording but a whole answer of status 200 whose bytes play. What plays is never refused, because it may be all there is of
somebody's message: a file that is damaged, or plays longer or shorter than Twilio announced, is asked for once more, then kept and marked.
https://www.twilio.com/docs/voice/api/recording
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BufferedIOBase
from typing import Any, Literal

from lambdas.workers import audio
from lambdas.workers.tasks import Recording
from lambdas.workers.transport import Answer, Deadline
from lambdas.workers.twilio_api import TwilioApi, host_of, is_twilio, unless_gone
from lambdas.workers.twilio_regions import HOME, Home, api_host, living, region_of

TOLERANCE = 1.0  #: seconds between what Twilio said, a whole number, and what the file plays
PADDING = {"wav": 0.0, "mp3": 0.25}  #: seconds that an encoder adds: MP3 consists of whole frames, and the first are silent
PAGE = 1000  #: the most that Twilio lists at a time (error 20007 above)
RECORD_VERB = "RecordVerb"
NOT_FOUND = 404
CIPHERTEXT = "application/octet-stream"

Format = Literal["wav", "mp3"]


class NotYet(Exception):
    """Twilio does not have it: right after a call that is usual (https://www.twilio.com/docs/voice/twiml/record)."""


class Unusable(Exception):
    """What came is no recording, or it may be better the next time; the text says why."""


@dataclass(frozen=True)
class Fetched:
    """A file to be kept. `encrypted` is what Twilio says of its encryption; such a file nobody here can check further. Else `plays` is its
    length in seconds, and `differs` says what is odd about it."""

    type: str
    suffix: str
    encrypted: dict[str, Any] | None = None
    plays: float | None = None
    differs: str = ""


def fetch(api: TwilioApi, recording: Recording, form: Format, deadline: Deadline, out: BufferedIOBase, *, again: bool) -> Fetched:
    """Write a recording to `out`; one that differs from what was announced only when it is asked for `again`: a file that was cut on its
    way is whole then. Raises NotYet, Unusable, and what `TwilioApi.download` raises."""
    answer = api.download(recording.account, f"{address(recording)}.{form}", deadline, out)
    if may_be_encrypted(answer, form, out) and (details := encryption(api, recording, deadline)):
        return as_it_is(api, recording, form, details, deadline, out)
    check_status(answer)
    fetched = _played(recording, answer, form, out)
    if fetched.differs and not again:
        raise Unusable(f"{fetched.differs}; asked for once more before it is kept")
    return fetched


def _played(recording: Recording, answer: Answer, form: Format, out: BufferedIOBase) -> Fetched:
    """What the bytes are and how long they play, whatever their type is called. Raises Unusable."""
    try:
        kind, plays, fault = _sound_in(out, form)
    except audio.NotAudio as error:
        known = answer.type in audio.TYPES[form]
        raise Unusable(str(error) if known else f"its content type is {answer.type or 'missing'}, not {audio.TYPES[form][0]}") from error
    announced = recording.seconds
    if announced is not None and abs(plays - announced) > TOLERANCE + PADDING[kind]:
        fault = f"{fault}{fault and '; '}it plays {plays:.1f} s, Twilio announced {announced} s"
    if announced and not plays:
        raise Unusable(fault)
    return Fetched(audio.STORED_AS[kind], kind, plays=plays, differs=fault)


def _sound_in(out: BufferedIOBase, form: Format) -> tuple[Format, float, str]:
    """Format, seconds and fault of a file, which may be in the other format than the one asked for. Raises NotAudio."""
    other: Format = "mp3" if form == "wav" else "wav"
    kind = other if audio.plays(out, other) else form
    try:
        return kind, audio.seconds(out, kind), ""
    except audio.Incomplete as error:
        return kind, error.seconds, str(error)


def may_be_encrypted(answer: Answer, form: Format, out: BufferedIOBase) -> bool:
    """Whether a file came that is no audio; or none in MP3, as which Twilio does not have what it encrypts (error 16109)."""
    if answer.status == 200 and answer.type in (*audio.TYPES[form], CIPHERTEXT):
        return answer.length > 0 and not audio.plays(out, form)
    return form == "mp3" and answer.status in (400, NOT_FOUND)


def encryption(api: TwilioApi, recording: Recording, deadline: Deadline) -> dict[str, Any]:
    """What decrypts a recording; nothing for one that is not encrypted, or that Twilio does not know yet."""
    known = unless_gone(lambda: resource(api, recording, deadline))
    return dict(known.encryption_details or {}) if known else {}


def as_it_is(
    api: TwilioApi, recording: Recording, form: Format, details: dict[str, Any], deadline: Deadline, out: BufferedIOBase
) -> Fetched:
    """An encrypted recording, of which there is a WAV file only. Raises as `fetch` does."""
    if form != "wav":
        answer = api.download(recording.account, f"{address(recording)}.wav", deadline, out)
        check_status(answer)
        if answer.type not in (*audio.TYPES["wav"], CIPHERTEXT):
            raise Unusable(f"its content type is {answer.type or 'missing'}, not {CIPHERTEXT}")
    return Fetched(CIPHERTEXT, "wav.encrypted", details)


def check_status(answer: Answer) -> None:
    """Refuse what is no file by its status, or is empty. Raises NotYet, Unusable."""
    if answer.status == NOT_FOUND:
        raise NotYet("Twilio does not have it (404)")
    if answer.status != 200:
        raise Unusable(f"Twilio answered {answer.status}{': the API key was refused' if answer.status in (401, 403) else ''}")
    if not answer.length:
        raise Unusable("it is empty")


def address(recording: Recording) -> str:
    """Where a recording is: at the host that Twilio named, on a path made of SIDs alone."""
    host = living(host_of(recording.url)) if is_twilio(recording.url) else api_host(HOME)
    return f"https://{host}/2010-04-01/Accounts/{recording.account}/Recordings/{recording.sid}"


def place_elsewhere(recording: Recording) -> str:
    """Where the account keeps a recording outside Twilio (external storage): we cannot and need not fetch it there. Else nothing."""
    return recording.url if recording.url and not is_twilio(recording.url) else ""


def place_told(api: TwilioApi, recording: Recording, deadline: Deadline) -> str:
    """The same, asked of Twilio: no page promises that the callback names that place too. Raises as `resource` does."""
    known = unless_gone(lambda: resource(api, recording, deadline))
    place = str(known.media_url or "") if known else ""
    return "" if is_twilio(place) else place


def resource(api: TwilioApi, recording: Recording, deadline: Deadline) -> Any:
    """What Twilio knows of a recording. Raises TwilioRestException, and what `TwilioApi.client` raises."""
    return client_of(api, recording, deadline).recordings(recording.sid).fetch()


def delete(api: TwilioApi, recording: Recording, deadline: Deadline) -> None:
    """Delete a recording; one that is gone already is. Raises as `resource` does."""
    unless_gone(client_of(api, recording, deadline).recordings(recording.sid).delete)


def client_of(api: TwilioApi, recording: Recording, deadline: Deadline) -> Any:
    """Twilio's client for the Region in which a recording lies."""
    return api.client(recording.account, deadline, home_of(recording).region)


def home_of(recording: Recording) -> Home:
    """The Region in which a recording lies, and so its call."""
    return Home(recording.account, region_of(host_of(address(recording))))


def listed(api: TwilioApi, home: Home, since: datetime, until: datetime, deadline: Deadline) -> Iterator[Recording]:
    """The recordings of <Record> that an account made in a window. Twilio filters by date alone. Raises as `resource` does."""
    found = api.client(home.account, deadline, home.region).recordings
    for each in found.stream(date_created_after=since, date_created_before=until, page_size=PAGE):
        if each.source == RECORD_VERB:
            yield recording_of(each, home)


def recording_of(each: Any, home: Home) -> Recording:
    """A recording as Twilio lists it. What is stored elsewhere bears the address of that place."""
    outside = each.media_url and not is_twilio(each.media_url)
    begun = each.start_time or each.date_created
    return Recording(
        account=home.account,
        call=each.call_sid or "",
        sid=each.sid,
        url=each.media_url if outside else f"https://{api_host(home.region)}{each.uri}",
        status=each.status,
        seconds=int(each.duration) if str(each.duration).isdecimal() else None,
        started=begun.strftime("%Y-%m-%dT%H:%M:%SZ") if begun else "",
        error_code=str(each.error_code or ""),
    )
