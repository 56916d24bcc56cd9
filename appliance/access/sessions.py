"""Who is signed in at the dashboard: sessions opened with a key, kept across restarts, ended by signing out."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from appliance.access.keyring import CONFIGURED, Keyring, digest
from appliance.access.principal import SCOPES, Principal, Scope
from appliance.clock import HOUR_US, SECOND_US, Clock
from appliance.store.control import ControlStore

COOKIE: Final = "appliance_session"
_TOKEN_BYTES: Final = 32
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Session:
    key_id: str
    opened_us: int
    expires_us: int


class Sessions:
    """Sessions by the digest of their token, in memory and in the control store.

    ``principal``, ``holder`` and ``knows`` never block; the others write SQLite. Any thread may call any.
    """

    def __init__(self, store: ControlStore, keyring: Keyring, clock: Clock, *, hours: int) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self.lifetime_seconds = hours * 3600
        self._open: dict[bytes, _Session] = {
            row["digest"]: _Session(row["key_id"], row["opened_us"], row["expires_us"])
            for row in store.database().table("sessions").rows
        }

    def open(self, key_text: str) -> str | None:
        """The token of a new session, ``None`` for a key that is unknown or may not read."""
        principal = self._keyring.find(key_text)
        if principal is None or not principal.may("read"):
            return None
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now_us = self._clock.now_us()
        session = _Session(principal.id, now_us, now_us + self.lifetime_seconds * SECOND_US)
        row = {
            "digest": digest(token),
            "key_id": session.key_id,
            "opened_us": session.opened_us,
            "expires_us": session.expires_us,
        }
        # in memory first: a stored session that memory doesn't know is one that has ended, and is swept away
        self._open[digest(token)] = session
        try:
            with self._store.writing() as database:
                database.table("sessions").insert(row)
        except BaseException:
            self._open.pop(digest(token), None)
            raise
        return token

    def principal(self, token: str) -> Principal | None:
        """Who is signed in; ``None`` when the session is none, has ended, or its key was revoked."""
        session = self._open.get(digest(token)) if token else None
        # a clock that was set back must not make a session longer
        if session is None or not session.opened_us - HOUR_US <= self._clock.now_us() < session.expires_us:
            return None
        return self._keyring.principal(session.key_id)

    def holder(self, token: str) -> str | None:
        """The name of the key that a session was opened with; ``None`` as for ``principal``."""
        principal = self.principal(token)
        return None if principal is None else self._keyring.name(principal.id)

    def knows(self, key_text: str) -> bool:
        """Whether a key is one, though it may open no session."""
        return self._keyring.find(key_text) is not None

    def close(self, token: str) -> None:
        """Sign out: the token opens nothing any more."""
        self._forget([digest(token)])

    def sweep(self) -> None:
        """Let go of sessions that have expired, of the oldest beyond ``_MOST``, and of what could not be removed."""
        now_us = self._clock.now_us()
        held = sorted(self._open.items(), key=lambda item: item[1].opened_us, reverse=True)
        self._forget(
            [token for number, (token, session) in enumerate(held) if number >= _MOST or session.expires_us <= now_us]
        )
        stored = [row["digest"] for row in self._store.database().table("sessions").rows]
        self._forget([token for token in stored if token not in self._open])

    def count(self) -> int:
        """How many sessions are open."""
        return len(self._open)

    def _forget(self, tokens: list[bytes]) -> None:
        for token in tokens:
            self._open.pop(token, None)
        with self._store.writing() as database:
            database.conn.executemany("delete from sessions where digest = ?", [(token,) for token in tokens])


def end_sessions_of_changed_keys(store: ControlStore, configured: Mapping[Scope, str]) -> None:
    """End the sign-ins that were made with a configured key that is another now, or none: to be called at the start.

    A configured key has the same id whatever it is, so its sessions would outlive a change made because it leaked.
    """
    with store.writing() as database:
        for scope in SCOPES:
            name, present = f"configured_{scope}_digest", digest(configured.get(scope, "")).hex()
            known = [row["value"] for row in database.table("facts").rows_where("name = ?", [name])]
            if known != [present]:
                database.table("sessions").delete_where("key_id = ?", [f"{CONFIGURED}-{scope}"])
                database.table("facts").insert({"name": name, "value": present}, replace=True)


def session_token(cookie_header: str) -> str:
    """The session's token in a ``Cookie`` header; empty where there is none.

    Read by hand: ``SimpleCookie`` gives up at the first cookie that it can't read, and browsers send those of every
    server on the same machine along.
    """
    for cookie in cookie_header.split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() == COOKIE:
            return value.strip()
    return ""


def at(principal: Principal, address: str) -> Principal:
    """The principal, calling from an address."""
    return replace(principal, address=address)
