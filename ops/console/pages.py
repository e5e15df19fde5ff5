"""What each page shows and each form does; all of it is read and done by the same functions as the commands."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.templating import Jinja2Templates

from lambdas.workers.events import Item
from ops import audit, inbox
from ops.candidates import REMEDIES, Allowed, Candidate, counts
from ops.console.audio import Hearing, part_of
from ops.console.chart import NARROW, WIDE, Chart
from ops.console.guard import SAFE, same
from ops.console.job import Job
from ops.deployment import OpsError
from ops.desk import Desk
from ops.errors import MEDIA, Wanted, find
from ops.numbers import View
from ops.period import NoPeriod, Period, moment
from ops.replay import missed, send, wishes
from ops.state import LOOK_BACK, State
from ops.story import told
from ops.tally import Tally

NUMBERS_FOR = timedelta(minutes=30)  #: for which whole numbers are shown after they were asked for
SPANS = ("1h", "3h", "12h", "1d", "7d")
MOST_SHOWN = timedelta(days=31)  #: on one chart
MOST_ROWS = 50
MOST_ROWS_EVER = 2000
NARROW_COLUMNS = 24  #: of the drawing on a phone
RATE = 5.0  #: hand-backs a second
SEE_OTHER = 303

Handler = Callable[[Request, FormData], Response]


class Pages:
    """The pages of one console. `csrf` is the token that every form has to bear."""

    def __init__(self, desk: Desk, templates: Jinja2Templates, csrf: str) -> None:
        self.masked = desk
        self.templates = templates
        self.csrf = csrf
        self.numbers_until: datetime | None = None
        self.job: Job | None = None
        self.starting = Lock()
        self.hearing = Hearing()

    @property
    def shows_numbers(self) -> bool:
        """Whether whole numbers are shown at this moment."""
        return self.numbers_until is not None and datetime.now(UTC) < self.numbers_until

    @property
    def masked_again(self) -> int:
        """Every how many seconds a page looks again only because whole numbers must not stay on it; 0 where there are none."""
        return 30 if self.shows_numbers else 0

    @property
    def desk(self) -> Desk:
        """The desk, with as much of callers as is shown at this moment."""
        return replace(self.masked, view=View(self.shows_numbers, self.masked.view.own))

    def page(self, request: Request, template: str, status: int = 200, /, **facts: Any) -> Response:
        """One page. `refresh` among the facts is every how many seconds it looks again."""
        paused, moving = "pause" in request.query_params, address(request)
        here = moving + ("&" if "?" in moving else "?") + "pause=1" if paused else moving
        known: dict[str, Any] = {"desk": self.desk, "shows_numbers": self.shows_numbers, "csrf": self.csrf}
        known |= {"here": here, "moving": moving, "paused": paused}
        return self.templates.TemplateResponse(request, f"{template}.html", known | {"now": datetime.now(UTC)} | facts, status)

    def posted(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A form's handler, which only sees forms that bear our token."""

        async def checked(request: Request) -> Response:
            form = await request.form()
            if not same(str(form.get("csrf", "")), self.csrf):
                raise HTTPException(403, "This form was not sent by this console: open the page anew.")
            return await run_in_threadpool(handler, request, form)

        return checked

    def overview(self, request: Request) -> Response:
        """Is an outage on, what fails, what it means, how the primary and the fallback are."""
        now, desk = datetime.now(UTC), self.desk
        span = request.query_params.get("since") or SPANS[0]  # within it a column is a minute
        period = Period.of(span, None, None, now)
        if period.length > MOST_SHOWN:
            raise NoPeriod(f"{span}: this page goes back {MOST_SHOWN.days} days; `{desk.command(f'errors --since {span}')}` goes further.")
        codes, narrow, urls = Tally(period), Tally(period, most_columns=NARROW_COLUMNS), Tally(period, "url")
        found = find(desk, period, Wanted(), (codes, narrow, urls), earlier=True, last=True)
        last = found.outages[0] if found.outages else None
        state = State.read(desk, now, last if last and last.end > now - LOOK_BACK else None)
        facts = {"found": found, "codes": codes, "urls": urls, "charts": {"wide": Chart(codes, WIDE), "narrow": Chart(narrow, NARROW)}}
        return self.page(request, "overview", state=state, period=period, **facts, span=span, spans=SPANS, refresh=10)

    def calls(self, request: Request) -> Response:
        """Errors and calls by time first, then by what else is known."""
        asked = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
        since = None if "from" in asked else asked.get("since", "3h")
        form = {"asked": asked, "since": since, "spans": SPANS if since in (None, *SPANS) else (*SPANS, since)}
        try:
            period = period_of(since, asked.get("from"), asked.get("until"), datetime.now(UTC))
        except NoPeriod as error:
            return self.page(request, "calls", HTTPStatus.BAD_REQUEST, **form, sentence=str(error).replace("--", ""))
        if asked.get("medium") not in (None, *MEDIA):
            raise HTTPException(400, f"medium: choose one of {', '.join(MEDIA)}.")
        wanted = Wanted(asked.get("code"), asked.get("url"), asked.get("number"), asked.get("medium"))
        limit = rows_of(asked.get("limit", ""))
        found = find(self.desk, period, wanted, limit=limit)
        more = f"/calls?{urlencode(asked | {'limit': str(limit * 5)})}"
        return self.page(request, "calls", found=found, period=period, more=more, **form, refresh=self.masked_again)

    def story(self, request: Request) -> Response:
        """The story of one call or text."""
        sid, desk = request.path_params["sid"], self.desk
        items = [desk.view(item) for item in desk.history.story(sid)]
        if not items:
            raise HTTPException(404, f"{sid} is not in the table: it never reached the fallback, or its events have expired.")
        voicemails = [item for item in items if item.get("kind") == inbox.KIND]
        return self.page(request, "story", sid=sid, chapters=told(items), voicemails=voicemails, refresh=10)

    def voicemails(self, request: Request) -> Response:
        """Those that wait, or all of a time."""
        span, desk = request.query_params.get("since"), self.desk
        found = inbox.within(desk, Period.of(span, None, None, datetime.now(UTC))) if span else inbox.waiting(desk)
        name = audit.who(desk.deployments[0])
        return self.page(request, "voicemails", found=[desk.view(item) for item in found], span=span, spans=SPANS, name=name, refresh=15)

    def audio(self, request: Request) -> Response:
        """A voicemail's audio; the browser asks for parts of it."""
        desk, item = self.desk, self.voicemail(request)
        whole = int(item.get("bytes") or 0)
        part = part_of(whole, request.headers.get("range", ""))
        if part is not None and not part:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{whole}"})
        self.hearing.note(desk, item)
        sent = part or range(whole)
        chunks, kind = inbox.audio(desk, item, sent.start, sent.stop - 1 if sent else None)
        headers = {"Accept-Ranges": "bytes"} | ({"Content-Length": str(len(sent))} if sent else {})
        if not part:
            return StreamingResponse(chunks, 200, headers, kind)
        return StreamingResponse(chunks, 206, headers | {"Content-Range": f"bytes {part[0]}-{part[-1]}/{whole}"}, kind)

    def voicemail(self, request: Request) -> Item:
        """The voicemail that an address names."""
        call, sid = request.path_params["call"], request.path_params["sid"]
        found = next(self.desk.history.under(call, f"{inbox.KIND}#{sid}"), None)
        if not found:
            raise HTTPException(404, f"There is no voicemail {sid} of the call {call}.")
        return found

    def acknowledge(self, request: Request, form: FormData) -> Response:
        """Somebody sees to a voicemail, or it waits again."""
        item = self.voicemail(request)
        try:
            if form.get("again"):
                inbox.reopen(self.desk, item)
            else:
                name = str(form.get("name", "")).strip() or audit.who(self.desk.at(item))
                inbox.acknowledge(self.desk, item, name, str(form.get("note", "")).strip())
        except OpsError as error:
            if contradicted(error):
                raise HTTPException(HTTPStatus.CONFLICT, f"The page was out of date: {error}.") from error
            raise
        return RedirectResponse(back(form, "/voicemails"), SEE_OTHER)

    def numbers(self, request: Request, form: FormData) -> Response:  # noqa: ARG002 - forms are handed both
        """Show whole numbers for a while, which is noted, or mask them again."""
        if form.get("show"):
            audit.note(self.masked.deployments[0], f"whole numbers in the console, {NUMBERS_FOR.seconds // 60} minutes")
        self.numbers_until = datetime.now(UTC) + NUMBERS_FOR if form.get("show") else None
        return RedirectResponse(back(form, "/"), SEE_OTHER)

    def replay(self, request: Request) -> Response:
        """What would be handed back; or how far it has come."""
        if self.job and self.job.running and "done" not in request.query_params:
            return RedirectResponse("/replay?done" + ("&pause=1" if "pause" in request.query_params else ""), SEE_OTHER)
        if self.job and "done" in request.query_params:
            return self.page(request, "progress", job=self.job, refresh=1 if self.job.running else 0)
        span, url = request.query_params.get("since") or "1d", request.query_params.get("url", "")
        allowed = Allowed("perhaps" in request.query_params, "again" in request.query_params)
        found = self.candidates(span, url)
        going = [candidate for candidate in found if candidate.goes(allowed)]
        facts: dict[str, Any] = {"found": found, "going": going, "counts": counts(found), "remedies": REMEDIES, "rows": MOST_ROWS}
        facts |= {"job": self.job, "allowed": allowed, "refresh": self.masked_again}
        return self.page(request, "replay", **facts, span=span, url=url, spans=SPANS)

    def candidates(self, span: str, url: str) -> list[Candidate]:
        """What the primary missed in a span, at addresses that contain this."""
        found = missed(self.desk, Period.of(span, None, None, datetime.now(UTC)))
        return [candidate for candidate in found if url in candidate.event.get("error_url", "")]

    def start(self, request: Request, form: FormData) -> Response:  # noqa: ARG002 - forms are handed both
        """Begin a hand-back; one at a time."""
        allowed = Allowed(bool(form.get("perhaps")), bool(form.get("again")))
        found = self.candidates(str(form.get("since", "1d")), str(form.get("url", "")))
        going = [candidate for candidate in found if candidate.goes(allowed)]
        with self.starting:
            if self.job and self.job.running:
                raise OpsError("a hand-back is under way: wait for its end, or stop it")
            self.job = Job(len(going), send(self.desk, going, RATE, wishes(allowed, bool(form.get("replies")))))
        return RedirectResponse("/replay?done", SEE_OTHER)

    def stop(self, request: Request, form: FormData) -> Response:  # noqa: ARG002 - forms are handed both
        """End a hand-back after the one under way."""
        if self.job:
            self.job.stop()
        return RedirectResponse("/replay?done", SEE_OTHER)


def contradicted(error: OpsError) -> bool:
    """Whether what is in the table does not allow a change: a page that was out of date asked for it."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == inbox.NOT_FULFILLED


def address(request: Request) -> str:
    """The page that a browser is on, without its pause; the overview after a form, whose address is no page."""
    if request.method not in SAFE:
        return "/"
    url = request.url.remove_query_params("pause")
    return url.path + (f"?{url.query}" if url.query else "")


def period_of(since: str | None, begin: str | None, end: str | None, now: datetime) -> Period:
    """The period of the form; a span counts back from its end. Raises NoPeriod."""
    if since and end and not begin:
        begin = moment(since, min(moment(end, now), now)).isoformat()
    return Period.of(None if begin else since, begin, end, now)


def rows_of(limit: str) -> int:
    """How many rows an address asks for."""
    return max(1, min(int(limit), MOST_ROWS_EVER)) if re.fullmatch("[0-9]{1,9}", limit) else MOST_ROWS


def back(form: FormData, otherwise: str) -> str:
    """The page that a form was on; only ever one of ours."""
    page = str(form.get("page", ""))
    return page if page.startswith("/") and not page.startswith("//") else otherwise
