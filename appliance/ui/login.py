"""The sign-in page, signing out, and the question whether a browser is signed in."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import structlog
from tornado.httputil import HTTPServerRequest
from tornado.template import Template
from tornado.web import RequestHandler

from appliance.access.door import Forbidden, RateLimited
from appliance.access.sessions import COOKIE
from appliance.access.sign_in import SignIn
from appliance.ui import theme
from appliance.ui.assets import ASSETS, DIGEST
from appliance.ui.headers import login_policy
from appliance.ui.sign_in import HOME, LOGIN, next_path, token_of
from appliance.ui.visits import Visits

_logger = structlog.get_logger(__name__)

_PAGE: Final = Template((ASSETS / "login.html").read_text(encoding="utf-8"))
_EARLY: Final = (ASSETS / "early.js").read_text(encoding="utf-8")
_LONGEST_FORM: Final = 4_096
_FOREIGN: Final = "This form was sent from another site. Type the key here instead."


@dataclass(frozen=True)
class Reception:
    """Signing in and out as the handlers share it: one at a time, in a thread that may wait for SQLite."""

    sign_in: SignIn
    visits: Visits
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "sign-in"))

    async def open(self, key: str, address: str) -> str | None:
        """The token of a new session, ``None`` for a wrong key, which counts against the address.

        Raises ``RateLimited``, ``Forbidden`` and ``sqlite3.Error``.
        """
        # One after the other, or a hundred guesses sent at once would all come before the first is counted.
        async with self._one_at_a_time:
            self.sign_in.check_pace(address)
            token = None
            try:
                token = await asyncio.get_running_loop().run_in_executor(self._thread, self.sign_in.open, key, address)
            finally:
                if token is None:
                    self.sign_in.count_failure(address)
            return token

    async def close(self, token: str, address: str) -> None:
        """End a session, and with it what is open in it. Raises ``sqlite3.Error``; it has ended all the same."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.sign_in.close, token, address)
        finally:
            self.visits.look()

    def stop(self) -> None:
        self._thread.shutdown(wait=False)


class _Desk(RequestHandler):
    """What the three handlers have in common."""

    def initialize(self, reception: Reception) -> None:
        self._reception = reception
        self._sign_in = reception.sign_in

    def _address(self) -> str:
        return self._sign_in.address(self.request.remote_ip or "", _joined(self.request, "X-Forwarded-For"))

    def _is_tls(self) -> bool:
        return self._sign_in.is_tls(self.request.remote_ip or "", _joined(self.request, "X-Forwarded-Proto"))

    def _is_foreign(self) -> bool:
        """Whether a browser says that another site sent this. ``Origin``, where there is one, the guard has judged."""
        return self.request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}


class Login(_Desk):
    """``GET`` shows the form, ``POST`` takes the key. It works without scripts."""

    def get(self) -> None:
        if self._sign_in.sessions.holder(token_of(self.request)) is not None:
            self.redirect(HOME)
            return
        self._show(200, self.get_query_argument("next", HOME))

    async def post(self) -> None:
        if len(self.request.body) > _LONGEST_FORM:
            self._show(413, HOME, "That is far too long for a key.")
            return
        onward = next_path(self.get_body_argument("next", HOME))
        if self._is_foreign():
            self._show(403, onward, _FOREIGN)
            return
        key = self.get_body_argument("key", "").strip()
        if not key:
            self._show(401, onward, "Type a key.")
            return
        await self._try(key, onward)

    async def _try(self, key: str, onward: str) -> None:
        try:
            token = await self._reception.open(key, self._address())
        except RateLimited as refusal:
            seconds = refusal.retry_after_seconds
            self.set_header("Retry-After", str(seconds))
            self._show(429, onward, f"Too many wrong keys came from your address. Try again in {seconds} s.")
        except Forbidden:
            self._show(403, onward, "This key can send events, but not see figures. Use one that may read.")
        except sqlite3.Error as fault:
            _logger.warning("a sign-in could not be written down", reason=str(fault))
            self._show(503, onward, "The server can't write the sign-in down now. Its log says why.")
        else:
            self._welcome(token, onward)

    def _welcome(self, token: str | None, onward: str) -> None:
        if token is None:
            self._show(401, onward, "This key is unknown, revoked or expired.")
            return
        self.set_cookie(
            COOKIE,
            token,
            max_age=self._sign_in.sessions.lifetime_seconds,
            httponly=True,
            samesite="Lax",
            secure=self._is_tls(),
        )
        self.redirect(onward, status=303)

    def _show(self, status: int, onward: str, error: str = "") -> None:
        nonce = secrets.token_urlsafe(16)
        self.set_status(status)
        self.set_header("Content-Security-Policy", login_policy(nonce))
        self.finish(
            _PAGE.generate(
                nonce=nonce,
                early=_EARLY,
                tokens=theme.css(),
                assets=f"/assets/{DIGEST}",
                action=LOGIN,
                onward=next_path(onward),
                error=error,
            )
        )


class Logout(_Desk):
    """``POST`` ends the session here, not only in the browser."""

    async def post(self) -> None:
        if self._is_foreign():
            self.send_error(403)
            return
        try:
            await self._reception.close(token_of(self.request), self._address())
        except sqlite3.Error as fault:
            _logger.warning("a sign-out could not be written down", reason=str(fault))
        self.clear_cookie(COOKIE, httponly=True, samesite="Lax", secure=self._is_tls())
        self.redirect(LOGIN, status=303)


class SessionState(_Desk):
    """Tells a page whose connection broke whether that is why: ``{"signed_in_as": name or null}``."""

    def get(self) -> None:
        self.finish({"signed_in_as": self._sign_in.sessions.holder(token_of(self.request))})


def _joined(request: HTTPServerRequest, name: str) -> str:
    return ",".join(request.headers.get_list(name))
