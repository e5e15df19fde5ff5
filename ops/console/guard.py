"""Who may ask the console: this machine's engineer, from this page, and nobody else.

    Host check        a page elsewhere that gives its own name our address (DNS rebinding) is refused
    first URL         bears a random token; it becomes a cookie that no script reads and no other site's form bears
    CSRF token        every form bears one, and a form that comes from another origin is refused
    content policy    nothing but our own files, no inline script or style, no frame around us

https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "media", "connect")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without any, browsers send forms with `Origin: null`
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SAFE = ("GET", "HEAD")


class Guard:
    """Stands before the application; `port` is where it listens."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self.app = app
        self.port = port
        self.token = token
        self.session = secrets.token_urlsafe(32)
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    @property
    def cookie(self) -> str:
        """Cookies know no ports: two consoles on one machine need two names."""
        return f"fallback_console_{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        answer = self.refusal(scope) or self.app
        return await answer(scope, receive, with_headers(send))

    def refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that does not get through."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self.hosts:
            return PlainTextResponse("This console answers only under its own address.", 421)
        if self.admits(scope):
            return self.admitted()
        if not self.knows(headers):
            return PlainTextResponse("Open the address that `fallback console` printed: it holds the key to this page.", 403)
        if scope["method"] not in SAFE and headers.get("origin") not in {f"http://{host}" for host in self.hosts}:
            return PlainTextResponse("This form was not sent by this console.", 403)
        return None

    def admits(self, scope: Scope) -> bool:
        """Whether it is the first URL."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return scope["path"] == "/" and same(given, self.token)

    def admitted(self) -> Response:
        """On to the page, without the token in its address.

        The cookie is lax: a strict one would not come along where the first URL is followed as a link in a chat or a web terminal. Forms
        of other sites are refused by their origin and for want of the token.
        """
        response = RedirectResponse("/", 303)
        response.set_cookie(self.cookie, self.session, httponly=True, samesite="lax")
        return response

    def knows(self, headers: Headers) -> bool:
        """Whether the browser bears our cookie."""
        return same(cookie_parser(headers.get("cookie", "")).get(self.cookie, ""), self.session)


def same(given: str, known: str) -> bool:
    """Whether two secrets are the same, in constant time."""
    return hmac.compare_digest(given.encode(), known.encode())


def with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    """Send the same, with the headers that every answer bears; static files may be kept by the browser."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
