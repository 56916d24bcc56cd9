"""Who is let in, by what they show: a key, the dashboard's session, or nothing in open mode."""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from appliance.access.forwarding import client_address, limited_name
from appliance.access.guard import Network
from appliance.access.keyring import Keyring
from appliance.access.principal import ANYONE, OWNER, Principal
from appliance.access.rate_limits import RateLimiter
from appliance.access.rules import needed_scope, takes_session
from appliance.access.sessions import Sessions, session_token
from appliance.errors import RequestError, TransientError

_BEARER: Final = "bearer "
REFUSALS: Final = ("unauthorized", "forbidden", "rate_limited", "foreign")
"""Why callers are turned away; ``foreign``: their Host, Origin or proxy is not this server's."""


class Unauthorized(RequestError):
    """Nobody is known by the key that was sent. Send a key as `Authorization: Bearer KEY`."""

    code = "unauthorized"
    status = 401


class Forbidden(RequestError):
    """The key may not do this."""

    code = "forbidden"
    status = 403


class RateLimited(RequestError, TransientError):
    """Too many requests. Send again after a moment."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, wait_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = max(1, math.ceil(wait_seconds))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of its sender: raw header values, empty where one is missing, and the peer's address."""

    peer: str = ""
    authorization: str = ""
    cookie: str = ""
    forwarded_for: str = ""


@dataclass(slots=True)
class DoorCounts:
    """Who was turned away since the start, for the metrics page."""

    refused: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REFUSALS, 0))


@dataclass(slots=True)
class Door:
    """Decides on every request to the API. One event loop uses it; nothing in it blocks."""

    keyring: Keyring
    sessions: Sessions
    owner_token: str
    open_mode: bool
    trusted_proxies: Sequence[Network] = ()
    per_key: RateLimiter | None = None
    per_address: RateLimiter | None = None
    failures: RateLimiter | None = None
    counts: DoorCounts = field(default_factory=DoorCounts)

    def admit(self, method: str, path: str, shown: Shown) -> Principal | None:
        """The caller of a request, who may make it; ``None`` for a stranger where anyone may ask.

        Raises ``Unauthorized``, ``Forbidden`` or ``RateLimited``.
        """
        try:
            return self._admit(method, path, shown)
        except (Unauthorized, Forbidden, RateLimited) as refusal:
            self.counts.refused[refusal.code] += 1
            raise

    def _admit(self, method: str, path: str, shown: Shown) -> Principal | None:
        scope = needed_scope(method, path)
        if scope is None:
            return ANYONE if self.open_mode else self._caller(method, path, shown)
        if self.per_address is not None:
            self._slow_down(self.per_address, limited_name(self.address(shown)), "this address sends too many requests")
        if self.open_mode:
            return ANYONE
        caller = self._caller(method, path, shown)
        if caller is None:
            raise self._unauthorized(shown)
        if not caller.may(scope):
            raise Forbidden(f"this key may not do this: it needs the scope {scope}")
        if self.per_key is not None and caller.id != OWNER.id:
            self._slow_down(self.per_key, caller.id, "this key sends too many requests")
        return caller

    def still_knows(self, method: str, path: str, shown: Shown) -> bool:
        """Whether a caller who was let in would be today: for answers that go on for long. Counts no call."""
        return self.open_mode or self._caller(method, path, shown) is not None

    def address(self, shown: Shown) -> str:
        """The address that a request comes from, seen through trusted proxies."""
        if not shown.forwarded_for:
            return shown.peer
        return client_address(shown.peer, shown.forwarded_for, self.trusted_proxies)

    def _caller(self, method: str, path: str, shown: Shown) -> Principal | None:
        if shown.authorization[: len(_BEARER)].lower() == _BEARER:
            text = shown.authorization[len(_BEARER) :].strip()
            if hmac.compare_digest(text.encode(), self.owner_token.encode()):
                return OWNER
            return self.keyring.find(text)
        if shown.cookie and takes_session(method, path):
            return self.sessions.principal(session_token(shown.cookie))
        return None

    def _unauthorized(self, shown: Shown) -> RequestError:
        """The answer to a caller whom nobody knows; one that tries too often is told to wait.

        A right key is let in all the same, so that one sender with a wrong key can't shut out its neighbours.
        """
        if shown.authorization and self.failures is not None:
            wait = self.failures.take(limited_name(self.address(shown)))
            if wait:
                return RateLimited("this address has sent too many wrong keys", wait)
        if not shown.authorization:
            return Unauthorized("a key is needed: send it as `Authorization: Bearer KEY`")
        return Unauthorized("the key is unknown, revoked or expired")

    def _slow_down(self, limiter: RateLimiter, name: str, message: str) -> None:
        wait = limiter.take(name)
        if wait:
            raise RateLimited(message, wait)
