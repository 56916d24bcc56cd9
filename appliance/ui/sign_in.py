"""Who is signed in at the dashboard: read from each request, and asked for before everything but the sign-in itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from urllib.parse import quote, urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import RequestHandler

from appliance.access.sessions import session_token
from appliance.access.sign_in import SignIn
from appliance.problems import MEDIA_TYPE, problem
from appliance.ui.assets import DIGEST

LOGIN: Final = "/login"
LOGOUT: Final = "/logout"
SESSION: Final = "/session"
HOME: Final = "/"
_LONGEST_NEXT: Final = 2_000
_OPEN_PATHS: Final = frozenset({LOGIN, LOGOUT, SESSION, "/health"})
# The sign-in page's style and icon; the same files for everybody, and public in the source.
_OPEN_FOLDER: Final = f"/assets/{DIGEST}/"


def token_of(request: HTTPServerRequest) -> str:
    """The token of the session that a request shows, genuine or not; empty where there is none."""
    return session_token("; ".join(request.headers.get_list("Cookie")))


def next_path(text: str) -> str:
    """Where to go after signing in: a path of this site, or the start page for anything else.

    Browsers take a backslash for a slash, drop tabs and line breaks, and read ``//name`` as another host.
    """
    is_plain = len(text) <= _LONGEST_NEXT and text.isascii() and text.isprintable() and " " not in text
    if not is_plain or not text.startswith("/") or text.startswith("//") or "\\" in text:
        return HOME
    return text if not urlsplit(text).netloc else HOME


class SignedOut(Matcher):
    """Matches each request without a session, but for the few paths that are open.

    It stands before all rules but the guard's, so that a page or endpoint nobody thought of is closed. What it lets
    through finds the name of the key in ``request.signed_in_as``.
    """

    def __init__(self, sign_in: SignIn, pages: Collection[str]) -> None:
        self._sign_in = sign_in
        self._pages = frozenset(pages)

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        name = self._sign_in.sessions.holder(token_of(request))
        request.signed_in_as = name  # type: ignore[attr-defined]
        if name is not None or request.path in _OPEN_PATHS or request.path.startswith(_OPEN_FOLDER):
            return None
        return {"target_kwargs": {"to_login": self._is_visit(request)}}

    def _is_visit(self, request: HTTPServerRequest) -> bool:
        """Whether a person is on the way to a page, rather than a script to its data."""
        is_read = request.method in {"GET", "HEAD"} and "Upgrade" not in request.headers
        return is_read and (request.path in self._pages or "text/html" in request.headers.get("Accept", ""))


class SignInFirst(RequestHandler):
    """Sends people to the sign-in, and answers scripts and web sockets 401."""

    def initialize(self, to_login: bool) -> None:  # noqa: FBT001  Tornado hands it over by name
        self._to_login = to_login

    def prepare(self) -> None:
        if self._to_login:
            self.redirect(f"{LOGIN}?next={quote(next_path(self.request.uri or HOME), safe='')}")
            return
        self.set_status(401)
        self.set_header("Content-Type", MEDIA_TYPE)
        self.finish(problem(401, "unauthorized", f"sign in at {LOGIN}; the session is missing, or has ended"))
