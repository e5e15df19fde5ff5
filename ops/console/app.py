"""The console as a web application on 127.0.0.1."""

import secrets
import socket
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import uvicorn
from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from lambdas.workers.voicemails import shown
from ops.console.guard import Guard
from ops.console.pages import Pages
from ops.deployment import OpsError, remedy
from ops.desk import Desk
from ops.outages import code_of, meaning, url_of
from ops.period import NoPeriod
from ops.state import address_of, health, is_well
from ops.words import clock, count, length

HERE = Path(__file__).parent
EXPLAINED = (OpsError, NoPeriod, HTTPException, ClientError, BotoCoreError)  #: whose text is for people
HOST = "127.0.0.1"  #: and nothing else, ever


def serve(desk: Desk, port: int, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; the first address goes to `announce`. Raises OpsError for a port that is taken."""
    token, listening = secrets.token_urlsafe(24), bound(port)
    port = listening.getsockname()[1]
    announce(f"http://{HOST}:{port}/?token={token}")
    pages = Pages(desk, templates(), secrets.token_urlsafe(24))
    config = uvicorn.Config(Guard(made(pages), port, token), log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listening])


def bound(port: int) -> socket.socket:
    """A socket on loopback. Raises OpsError for a port that is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()  # whoever opens the address before all is made waits for it
    except OSError as error:
        listening.close()
        raise OpsError(f"port {port} is taken: choose another with --port, or leave it out") from error
    return listening


def made(pages: Pages) -> Starlette:
    """The application, which wants a guard before it."""
    routes = [
        Route("/", pages.overview),
        Route("/calls", pages.calls),
        Route("/calls/{sid}", pages.story),
        Route("/voicemails", pages.voicemails),
        Route("/voicemails/{call}/{sid}/audio", pages.audio),
        Route("/voicemails/{call}/{sid}", pages.posted(pages.acknowledge), methods=["POST"]),
        Route("/replay", pages.replay),
        Route("/replay", pages.posted(pages.start), methods=["POST"]),
        Route("/replay/stop", pages.posted(pages.stop), methods=["POST"]),
        Route("/numbers", pages.posted(pages.numbers), methods=["POST"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]

    def trouble(request: Request, error: Exception) -> Response:
        status, sentence = told(error)
        return pages.page(request, "trouble", status, sentence=sentence, refresh=10 if request.method == "GET" and status >= 500 else 0)

    # after `Exception` the error goes on to uvicorn, which shows the traceback in the terminal
    return Starlette(routes=routes, exception_handlers=dict.fromkeys((*EXPLAINED, Exception), trouble))


def told(error: Exception) -> tuple[int, str]:
    """The status of an error, and its sentence."""
    match error:
        case HTTPException():
            return error.status_code, error.detail
        case NoPeriod():
            return HTTPStatus.BAD_REQUEST, str(error)
        case ClientError() | BotoCoreError():
            return HTTPStatus.SERVICE_UNAVAILABLE, f"AWS: {remedy(error)}"
        case OpsError():
            return HTTPStatus.SERVICE_UNAVAILABLE, str(error)
    what = f"The console made a mistake of its own ({type(error).__name__})"
    return HTTPStatus.INTERNAL_SERVER_ERROR, f"{what}: the terminal where it runs says where. The commands may still do it."


def templates() -> Jinja2Templates:
    """The pages, with the words of the commands."""
    found = Jinja2Templates(directory=HERE / "templates")
    words = {"clock": clock, "took": length, "count": count, "moment": datetime.fromisoformat, "state": shown}
    found.env.filters |= words | {"meaning": meaning, "code": code_of, "url": url_of, "address": address_of, "health": health}
    found.env.tests["well"] = is_well
    found.env.trim_blocks = found.env.lstrip_blocks = True
    return found
