"""A dashboard at which people sign in, with its keys and a clock that tests set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
from websockets.sync.client import ClientConnection, connect

from appliance.access.principal import Scope
from appliance.access.sessions import COOKIE
from appliance.access.setup import Access, make_access
from appliance.config import load
from appliance.store.control import open_store
from appliance.testing import SettableClock
from appliance.ui.server import Dashboard
from tests.ui.conftest import API_URL, free_port
from tests.ui.fake_feed import FakeFeed, figures, snapshot


@dataclass(frozen=True)
class Guarded:
    """The dashboard and what opens it. Sessions and rate limits go by ``clock``."""

    dashboard: Dashboard
    access: Access
    clock: SettableClock
    feed: FakeFeed
    client: httpx.Client

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.dashboard.port}"

    def key(self, *scopes: Scope, name: str = "viewer", expires_us: int | None = None) -> tuple[str, str]:
        """Id and text of a key."""
        key, text = self.access.keyring.create(name, set(scopes or ("read",)), expires_us)
        return key.id, text

    def ask(self, path: str, token: str = "", method: str = "GET", **headers: str) -> httpx.Response:
        cookie = {"Cookie": f"{COOKIE}={token}"} if token else {}
        return httpx.request(method, f"{self.url}{path}", headers=cookie | headers, timeout=20)

    def head(self, path: str, token: str, method: str = "GET", **headers: str) -> httpx.Response:
        """The head of an answer, which may go on for ever; quick, for many questions."""
        cookie = {"Cookie": f"{COOKIE}={token}"} if token else {}
        with self.client.stream(method, f"{self.url}{path}", headers=headers | cookie) as answer:
            self.client.cookies.clear()
            return answer

    def send_key(self, key: str, onward: str = "/", **headers: str) -> httpx.Response:
        """Post the form of the sign-in page."""
        return httpx.post(f"{self.url}/login", data={"key": key, "next": onward}, headers=headers)

    def signed_in(self, key: str) -> str:
        """The token of a new session."""
        answer = self.send_key(key)
        assert answer.status_code == 303, answer.text
        return token_in(answer)

    def new_session(self) -> str:
        return self.signed_in(self.key()[1])

    def live(self, token: str) -> ClientConnection:
        return connect(
            f"ws://127.0.0.1:{self.dashboard.port}/live",
            origin=None,
            max_size=None,
            additional_headers={"Cookie": f"{COOKIE}={token}"},
        )


def token_in(answer: httpx.Response) -> str:
    """The session's token that an answer sets; empty when it clears it."""
    return SimpleCookie(answer.headers["Set-Cookie"])[COOKIE].value


@contextmanager
def guarded_dashboard(
    folder: Path,
    *,
    trusted_proxies: tuple[str, ...] = (),
    stream: Callable[[], AsyncGenerator[bytes, None]] | None = None,
) -> Iterator[Guarded]:
    """A started dashboard in key mode."""
    clock, feed = SettableClock(), FakeFeed(snapshot(figures(1)))
    settings = load(None, {}, {"server": {"auth": "keys", "trusted_proxies": list(trusted_proxies)}})
    with open_store(folder) as store:
        access = make_access(settings, store, clock, "owner")
        dashboard = Dashboard(
            host="127.0.0.1",
            port=free_port(),
            feed=feed,
            api_url=API_URL,
            sign_in=access.sign_in,
            stream=stream or numbers,
            trusted_proxies=trusted_proxies,
        )
        dashboard.start()
        with httpx.Client(timeout=20) as client:
            yield Guarded(dashboard, access, clock, feed, client)
        assert dashboard.stop()


async def numbers() -> AsyncGenerator[bytes, None]:
    """A stream of server-sent events that goes on for ever."""
    number = 0
    while True:
        yield b"data: %d\n\n" % number
        number += 1
        await asyncio.sleep(0.02)
