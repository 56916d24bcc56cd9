"""Signing in and out over HTTP: what opens, what doesn't, and what a session's end closes."""

from __future__ import annotations

import re
import socket
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from appliance.access.keyring import digest
from appliance.access.sessions import COOKIE, Sessions
from appliance.ui import stream, visits
from tests.ui.guarded import Guarded, guarded_dashboard, token_in

ALERT = re.compile(r'role="alert">([^<]*)<')


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """It looks after its open connections five times a second."""
    with (
        patch.object(visits, "LOOK_SECONDS", 0.2),
        guarded_dashboard(tmp_path_factory.mktemp("guarded")) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def _patience(guarded: Guarded) -> None:
    """Wrong keys of earlier tests are forgiven."""
    guarded.clock.advance(120)


def told(answer: httpx.Response) -> str:
    """The error on the sign-in page."""
    found = ALERT.search(answer.text)
    return found[1] if found else ""


@pytest.mark.parametrize("scope", ["read", "admin"])
def test_a_right_key_opens_a_session(guarded: Guarded, scope: str) -> None:
    """The way leads back to where the visitor was going, with a cookie that scripts and other sites can't use."""
    sent = guarded.ask("/?days=7")
    assert (302, "/login?next=%2F%3Fdays%3D7") == (sent.status_code, sent.headers["Location"])

    answer = guarded.send_key(guarded.key(scope)[1], "/?days=7")  # type: ignore[arg-type]

    assert (303, "/?days=7") == (answer.status_code, answer.headers["Location"])
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Lax"} == set(cookie.split("; ")[1:])
    assert guarded.ask("/", token_in(answer)).status_code == 200


def test_a_pasted_key_may_have_blanks_around_it(guarded: Guarded) -> None:
    """Copying takes a line break along."""
    assert guarded.send_key(f" {guarded.key()[1]}\r\n").status_code == 303


def test_a_wrong_key_is_told_in_words(guarded: Guarded) -> None:
    """401 for one that is none, 403 for one that may not read; no cookie, and the key isn't shown."""
    wrong = guarded.send_key("aa_read_nothing")
    assert (401, "This key is unknown, revoked or expired.") == (wrong.status_code, told(wrong))
    sender = guarded.key("write")[1]
    writing = guarded.send_key(sender)
    assert writing.status_code == 403
    assert "not see figures" in told(writing)
    empty = guarded.send_key("  ")
    assert (401, "Type a key.") == (empty.status_code, told(empty))
    for answer, key in ((wrong, "aa_read_nothing"), (writing, sender)):
        assert "Set-Cookie" not in answer.headers
        assert key not in answer.text


def test_wrong_keys_are_slowed_down(guarded: Guarded) -> None:
    """Ten from an address, even at once; then 429 with the seconds to wait, and one more after these."""
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda number: guarded.send_key(f"wrong-{number}").status_code, range(30)))
    assert (10, 20) == (statuses.count(401), statuses.count(429))
    refused = guarded.send_key("wrong")
    assert (429, "6") == (refused.status_code, refused.headers["Retry-After"])
    assert "in 6 s" in told(refused)
    guarded.clock.advance(6)
    assert guarded.send_key("wrong").status_code == 401


@pytest.mark.parametrize("onward", ["//evil.example", "/\\evil.example", "https://evil.example", "%2F%2Fevil.example"])
def test_nobody_is_led_to_another_site(guarded: Guarded, onward: str) -> None:
    """Neither after signing in nor in what the form sends."""
    assert guarded.send_key(guarded.key()[1], onward).headers["Location"] == "/"
    page = httpx.get(f"{guarded.url}/login?next={onward}")
    assert 'name="next" value="/"' in page.text


def test_markup_in_next_stays_text(guarded: Guarded) -> None:
    """What stands in the address can't become part of the page."""
    page = httpx.get(f"{guarded.url}/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text
    assert "/&quot;&gt;&lt;script&gt;" in page.text


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Referer": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_other_sites_can_sign_nobody_in_or_out(guarded: Guarded, path: str, headers: dict[str, str]) -> None:
    """A form of another site gets 403, opens no session, and ends none."""
    token = guarded.new_session()
    answer = httpx.post(
        f"{guarded.url}{path}",
        data={"key": guarded.key()[1]},
        headers=headers | {"Cookie": f"{COOKIE}={token}"},
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert guarded.ask("/session", token).json() == {"signed_in_as": "viewer"}


def test_own_forms_are_welcome(guarded: Guarded) -> None:
    """What a browser says of a form of this site, and what a program without these headers says: nothing."""
    for headers in ({"Origin": guarded.url, "Sec-Fetch-Site": "same-origin"}, {}):
        assert guarded.send_key(guarded.key()[1], "/", **headers).status_code == 303


def test_the_form_is_bounded(guarded: Guarded) -> None:
    """Longer than a key can be: 413."""
    assert guarded.send_key("x" * 5_000).status_code == 413


def test_a_key_in_the_address_opens_nothing(guarded: Guarded) -> None:
    """Addresses are logged and kept; only the form's body counts."""
    key = guarded.key()[1]
    assert "Set-Cookie" not in guarded.ask(f"/login?key={key}").headers
    assert guarded.ask(f"/login?key={key}", method="POST").status_code == 401


def test_the_signed_in_need_not_sign_in(guarded: Guarded) -> None:
    """The sign-in page leads them to the start page."""
    answer = guarded.ask("/login", guarded.new_session())
    assert (302, "/") == (answer.status_code, answer.headers["Location"])


def test_the_page_says_who_is_signed_in(guarded: Guarded) -> None:
    """By the key's name, as text, with a button to sign out; headers and cookies stay out of it."""
    token = guarded.signed_in(guarded.key("read", name="Anna <b>&</b>")[1])
    page = guarded.ask("/", token).text
    assert "Anna &lt;b&gt;&amp;&lt;/b&gt;</span>" in page
    assert "Sign out" in page
    assert "Bearer YOUR_WRITE_KEY" in page
    assert token not in page


def test_signing_out_ends_the_session_here(guarded: Guarded) -> None:
    """The cookie is cleared, and a copy of it opens nothing any more; another session of the key stays."""
    key = guarded.key()[1]
    first, second = guarded.signed_in(key), guarded.signed_in(key)
    answer = guarded.ask("/logout", first, "POST")
    assert (303, "/login", "") == (answer.status_code, answer.headers["Location"], token_in(answer))
    assert "expires=" in answer.headers["Set-Cookie"]
    assert guarded.ask("/logout", second).status_code == 405
    assert [302, 200] == [guarded.ask("/", token).status_code for token in (first, second)]
    assert guarded.ask("/logout", first, "POST").status_code == 303


def test_a_store_that_fails_is_told(guarded: Guarded) -> None:
    """No session without a record of it: 503, in words, and the failure's text stays here."""
    with patch.object(Sessions, "open", side_effect=sqlite3.OperationalError("disk I/O error")):
        answer = guarded.send_key(guarded.key()[1])
    assert answer.status_code == 503
    assert "Its log says why." in told(answer)
    assert "disk I/O" not in answer.text


@pytest.mark.parametrize("state", ["revoked", "expired", "signed out"])
def test_open_connections_end_with_their_session(guarded: Guarded, state: str) -> None:
    """Live figures, Bokeh's socket and the event stream; those of another visitor go on."""
    key_id, key = guarded.key()
    token, other = guarded.signed_in(key), guarded.new_session()
    with (
        guarded.live(token) as live,
        bokeh_socket(guarded, token) as bokeh,
        guarded.live(other) as other_live,
        httpx.stream("GET", f"{guarded.url}/v1/stream", headers={"Cookie": f"{COOKIE}={token}"}) as listening,
    ):
        live.recv(5), bokeh.recv(5), other_live.recv(5)
        pieces = listening.iter_raw()
        assert next(pieces).startswith(b"data: 0")
        _end(guarded, state, key_id, token)
        assert [4401, 4401] == [close_code(live), close_code(bokeh)]
        for _ in pieces:
            """It comes to an end."""
        assert guarded.ask("/session", other).json() == {"signed_in_as": "viewer"}
        other_live.ping().wait(5)
        assert other_live.close_code is None


def _end(guarded: Guarded, state: str, key_id: str, token: str) -> None:
    """End a session in one of the three ways."""
    if state == "revoked":
        guarded.access.keyring.revoke(key_id)
    elif state == "signed out":
        guarded.ask("/logout", token, "POST")
    else:
        held = guarded.access.sessions._open
        held[digest(token)] = replace(held[digest(token)], expires_us=guarded.clock.now_us())


def test_a_listener_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    """A stream ends with its session although its last words can't be delivered."""
    with guarded_dashboard(tmp_path, stream=floods) as guarded, socket.socket() as deaf:
        token = guarded.new_session()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.settimeout(20)
        deaf.connect(("127.0.0.1", guarded.dashboard.port))
        deaf.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}={token}\r\n\r\n".encode())
        deaf.recv(1_000)
        guarded.ask("/logout", token, "POST")
        time.sleep(stream._GOODBYE_SECONDS + 0.5)
        try:
            while deaf.recv(65_536):
                """What lay in buffers, and then the end."""
        except ConnectionResetError:
            pass


async def floods() -> AsyncGenerator[bytes, None]:
    """More than all buffers on the way hold."""
    while True:
        yield b"data: %b\n\n" % (b"x" * 16_000_000)


def test_a_page_token_without_a_cookie_opens_no_socket(guarded: Guarded) -> None:
    """Bokeh's own token, taken from a page, is not enough."""
    token = guarded.new_session()
    page_token = re.findall(r'"token":"([^"]+)"', guarded.ask("/", token).text)[0]
    for headers in ({}, {"Cookie": f"{COOKIE}=forged"}):
        with pytest.raises(InvalidStatus) as refusal:
            _bokeh(guarded, page_token, headers)
        assert refusal.value.response.status_code == 401
    with _bokeh(guarded, page_token, {"Cookie": f"{COOKIE}={token}"}) as opened:
        assert opened.recv(5)


def bokeh_socket(guarded: Guarded, token: str) -> ClientConnection:
    page_token = re.findall(r'"token":"([^"]+)"', guarded.ask("/", token).text)[0]
    return _bokeh(guarded, page_token, {"Cookie": f"{COOKIE}={token}"})


def _bokeh(guarded: Guarded, page_token: str, headers: dict[str, str]) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{guarded.dashboard.port}/ws",
        subprotocols=[Subprotocol("bokeh"), Subprotocol(page_token)],
        additional_headers=headers,
        max_size=None,
    )


def close_code(viewer: ClientConnection) -> int | None:
    """With which code the server ends a connection."""
    with suppress(ConnectionClosed):
        while True:
            viewer.recv(10)
    return viewer.close_code


PROXIED: list[tuple[str, Callable[[], dict[str, str]], bool]] = [
    ("https", lambda: {"X-Forwarded-Proto": "https"}, True),
    ("http", lambda: {"X-Forwarded-Proto": "http"}, False),
    ("a client's word before the proxy's", lambda: {"X-Forwarded-Proto": "https, http"}, False),
    ("none", dict, False),
]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Behind a proxy on this machine."""
    with guarded_dashboard(tmp_path_factory.mktemp("proxied"), trusted_proxies=("127.0.0.0/8",)) as running:
        yield running


@pytest.mark.parametrize(("said", "headers", "is_secure"), PROXIED, ids=[said for said, _, _ in PROXIED])
def test_the_cookie_is_secure_behind_tls(
    proxied: Guarded, guarded: Guarded, said: str, headers: Callable[[], dict[str, str]], is_secure: bool
) -> None:
    """When a trusted proxy says so, and nobody else."""
    trusted = proxied.send_key(proxied.key()[1], "/", **headers())
    assert is_secure is ("Secure" in trusted.headers["Set-Cookie"].split("; "))
    stranger = guarded.send_key(guarded.key()[1], "/", **headers())
    assert "Secure" not in stranger.headers["Set-Cookie"]


def test_a_proxy_keeps_its_callers_apart(proxied: Guarded) -> None:
    """Wrong keys count against the address that the trusted proxy names, which callers can't make up."""
    wrong = [
        proxied.send_key("wrong", **{"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.1"}).status_code
        for number in range(12)
    ]
    assert (10, 2) == (wrong.count(401), wrong.count(429))
    assert proxied.send_key("wrong", **{"X-Forwarded-For": "192.0.2.2"}).status_code == 401


def test_the_proxys_name_is_own(proxied: Guarded, guarded: Guarded) -> None:
    """A browser's Origin is the proxy's, by ``Host`` or by the trusted proxy's ``X-Forwarded-Host``."""
    origin = {"Origin": "https://figures.example"}
    named = {"X-Forwarded-Host": "figures.example"}
    assert proxied.send_key(proxied.key()[1], "/", Host="figures.example", **origin).status_code == 303
    assert proxied.send_key(proxied.key()[1], "/", **origin, **named).status_code == 303
    assert proxied.send_key(proxied.key()[1], "/", **origin).status_code == 403
    assert guarded.send_key(guarded.key()[1], "/", **origin, **named).status_code == 403
