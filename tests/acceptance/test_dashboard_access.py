"""Who gets into the dashboard of a real server, asked over bare sockets and through a proxy with TLS."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from tests.acceptance.server import Answer, Server

COOKIE = "appliance_session"
HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SOCKETS = ["/live", "/ws"]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in key mode that trusts the proxies of this machine."""
    environment = {"APPLIANCE__SERVER__AUTH": "keys", "APPLIANCE__SERVER__TRUSTED_PROXIES": "127.0.0.0/8"}
    server = Server(tmp_path_factory.mktemp("locked"), environment)
    server.start()
    wait_for_dashboard(server)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server at which nobody signs in."""
    server = Server(tmp_path_factory.mktemp("open"), {})
    server.start()
    wait_for_dashboard(server)
    yield server
    server.stop()


def wait_for_dashboard(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if ask(server, "/health").status == 200:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the dashboard did not start")


def ask(
    server: Server, path: str, *headers: str, method: str = "GET", body: str = "", host: str = "127.0.0.1"
) -> Answer:
    """The head of an answer of the dashboard, and its body when it has an end."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded"]
    with socket.create_connection(("127.0.0.1", server.ui_port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", body]).encode())
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, answer.read() if answer.length is not None else b"")


def printed_key(server: Server, scope: str) -> str:
    found = re.search(rf"^{scope} key: (\S+)$", server.process.printed(), re.MULTILINE)
    assert found is not None
    return found[1]


def make_key(server: Server, **asked: object) -> str:
    """The text of a key, made over the API."""
    body = json.dumps({"name": "test", "scopes": ["read"]} | asked).encode()
    headers = {"Authorization": f"Bearer {printed_key(server, 'admin')}", "Content-Type": "application/json"}
    made = server.request("POST", "/v1/keys", body, headers)
    assert made.status == 201, made.body
    key: str = made.json()["key"]
    return key


def sign_in(server: Server, key: str, *headers: str) -> Answer:
    return ask(server, "/login", *headers, method="POST", body=urlencode({"key": key, "next": "/"}))


def cookie_of(answer: Answer) -> str:
    assert answer.status == 303, answer
    return f"Cookie: {COOKIE}={SimpleCookie(answer.headers['set-cookie'])[COOKIE].value}"


FOREIGN = [
    ("Host", "evil.example", []),
    ("Origin", "127.0.0.1", ["Origin: http://evil.example"]),
    ("Origin of another port", "127.0.0.1", ["Origin: http://127.0.0.1:1"]),
    ("Origin null", "127.0.0.1", ["Origin: null"]),
    ("Sec-WebSocket-Origin", "127.0.0.1", ["Sec-WebSocket-Origin: http://evil.example"]),
]


@pytest.mark.parametrize("path", ["/", *SOCKETS, "/v1/stream", "/health", "/nothing"])
@pytest.mark.parametrize(("host", "headers"), [(h, o) for _, h, o in FOREIGN], ids=[name for name, _, _ in FOREIGN])
def test_open_mode_is_for_this_machine_only(open_server: Server, path: str, host: str, headers: list[str]) -> None:
    """A foreign Host, a foreign Origin and ``null`` are 403 on pages, web sockets and the stream."""
    extra = HANDSHAKE if path in SOCKETS else ()
    assert ask(open_server, path, *headers, *extra, host=host).status == 403


@pytest.mark.parametrize("path", SOCKETS)
def test_open_mode_asks_for_no_key(open_server: Server, path: str) -> None:
    """On loopback everything is as it was: sockets open, and there is no sign-in page."""
    subprotocol = () if path == "/live" else ("Sec-WebSocket-Protocol: bokeh, x",)
    assert ask(open_server, path, *HANDSHAKE, *subprotocol).status == 101
    assert ask(open_server, "/").status == 200
    assert ask(open_server, "/v1/stream").headers["content-type"] == "text/event-stream"
    assert [404, 404] == [ask(open_server, path).status for path in ("/login", "/session")]


@pytest.mark.parametrize("headers", [o for _, _, o in FOREIGN[1:]], ids=[name for name, _, _ in FOREIGN[1:]])
def test_a_session_does_not_help_other_sites(locked: Server, headers: list[str]) -> None:
    """With a genuine cookie a foreign Origin is still 403, on the web sockets, the stream and the sign-out."""
    cookie = cookie_of(sign_in(locked, printed_key(locked, "admin")))
    for path in SOCKETS:
        assert ask(locked, path, cookie, *headers, *HANDSHAKE).status == 403
    assert ask(locked, "/v1/stream", cookie, *headers).status == 403
    assert ask(locked, "/logout", cookie, *headers, method="POST").status == 403
    assert ask(locked, "/", cookie).status == 200


@pytest.mark.parametrize("path", [*SOCKETS, "/v1/stream"])
def test_nothing_streams_without_a_session(locked: Server, path: str) -> None:
    """No cookie, a forged one, a key instead of one, and one that was signed out: 401, and pages redirect."""
    gone = cookie_of(sign_in(locked, printed_key(locked, "admin")))
    assert ask(locked, "/logout", gone, method="POST").status == 303
    extra = HANDSHAKE if path in SOCKETS else ()
    shown = [
        "X-Nothing: 1",
        f"Cookie: {COOKIE}=forged",
        f"Cookie: {COOKIE}=",
        f"Cookie: {COOKIE}={printed_key(locked, 'admin')}",
        "Cookie: user=admin; is_guest=1",
        gone,
    ]
    for cookie in shown:
        assert ask(locked, path, cookie, *extra).status == 401, cookie
        page = ask(locked, "/", cookie)
        assert (302, "/login?next=%2F") == (page.status, page.headers["location"]), cookie


def test_an_expired_key_ends_its_session(locked: Server) -> None:
    """What opened with a key that lasts a moment is closed after it, the open web socket too."""
    until = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    key = make_key(locked, expires_at=until)
    cookie = cookie_of(sign_in(locked, key))
    with socket.create_connection(("127.0.0.1", locked.ui_port), timeout=30) as live:
        head = ["GET /live HTTP/1.1", "Host: 127.0.0.1", cookie, *HANDSHAKE, "", ""]
        live.sendall("\r\n".join(head).encode())
        assert live.recv(65_536).startswith(b"HTTP/1.1 101")
        frames = b""
        while piece := live.recv(65_536):
            frames += piece
            if (4401).to_bytes(2, "big") + b"signed out" in frames:
                break
    assert (4401).to_bytes(2, "big") + b"signed out" in frames
    assert ask(locked, "/live", cookie, *HANDSHAKE).status == 401
    assert sign_in(locked, key).status == 401


def test_the_stream_is_that_of_the_api(locked: Server) -> None:
    """With the session's cookie on both ports: the same kinds of message, from the same figures."""
    cookie = cookie_of(sign_in(locked, printed_key(locked, "admin")))
    for port in (locked.ui_port, locked.port):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as stream:
            stream.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n{cookie}\r\n\r\n".encode())
            received = b""
            while b'"as_of"' not in received:
                received += stream.recv(65_536)
            assert b"text/event-stream" in received
            assert b"event: snapshot\n" in received


def test_the_apis_stream_ends_with_what_opened_it(locked: Server) -> None:
    """On the API's port too: a signed-out session and a revoked key are told nothing more."""
    admin = {"Authorization": f"Bearer {printed_key(locked, 'admin')}"}
    key = make_key(locked, name="to be revoked")
    cookie = cookie_of(sign_in(locked, key))
    key_id = next(k["id"] for k in locked.request("GET", "/v1/keys", headers=admin).json()["keys"])
    ends: list[tuple[str, Callable[[], Answer]]] = [
        (cookie, lambda: ask(locked, "/logout", cookie, method="POST")),
        (f"Authorization: Bearer {key}", lambda: locked.request("DELETE", f"/v1/keys/{key_id}", headers=admin)),
    ]
    for shown, end in ends:
        with socket.create_connection(("127.0.0.1", locked.port), timeout=20) as stream:
            head = f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{shown}\r\n\r\n"
            stream.sendall(head.encode())
            assert stream.recv(65_536).startswith(b"HTTP/1.1 200")
            end()
            while stream.recv(65_536):
                """What was under way, and then the end."""


def test_a_restart_keeps_people_signed_in(locked: Server) -> None:
    """Sessions are kept in the data folder, by digest only."""
    cookie = cookie_of(sign_in(locked, printed_key(locked, "admin")))
    token = cookie.partition("=")[2].encode()
    locked.restart()
    wait_for_dashboard(locked)
    assert ask(locked, "/", cookie).status == 200
    for path in locked.data.iterdir():
        if path.is_file():
            assert token not in path.read_bytes(), path.name


def test_neither_key_nor_token_is_printed(locked: Server) -> None:
    """The log of sign-ins, right and wrong, holds no secret."""
    key = make_key(locked)
    cookie = cookie_of(sign_in(locked, key))
    assert sign_in(locked, "aa_read_marker-of-a-wrong-key").status == 401
    printed = locked.process.printed()
    for secret in (key, cookie.partition("=")[2], "marker-of-a-wrong-key"):
        assert secret not in printed
