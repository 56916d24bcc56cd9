"""The dashboard's listener, without a browser: who may talk to it, what it sends, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from appliance.clock import HOUR_US, SystemClock
from appliance.ui.assets import DIGEST
from appliance.ui.pages.overview import OVERVIEW
from appliance.ui.server import Dashboard, DashboardFailed
from tests.ui.conftest import API_URL, dashboard_on, free_port
from tests.ui.fake_feed import FakeFeed, figures, snapshot

PATHS = ["/", "/ws", "/live", "/health", "/static/js/bokeh.min.js"]
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def ask(dashboard: Dashboard, path: str = "/", **headers: str) -> httpx.Response:
    extra = UPGRADE if path in {"/ws", "/live"} else {}
    return httpx.get(f"http://127.0.0.1:{dashboard.port}{path}", headers=extra | headers)


def live(dashboard: Dashboard) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{dashboard.port}/live", origin=None, max_size=None)


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def receive(viewer: ClientConnection) -> dict[str, Any]:
    """The next snapshot that comes."""
    while (message := json.loads(viewer.recv(5)))["type"] != "snapshot":
        pass
    figures: dict[str, Any] = message["snapshot"]
    return figures


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8501"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
    ],
    ids=str,
)
def test_foreign_requests_are_refused(dashboard: Dashboard, path: str, headers: dict[str, str]) -> None:
    """A foreign Host, a foreign or null Origin and a forwarded request get 403 everywhere, web sockets included."""
    assert ask(dashboard, path, **headers).status_code == 403


@pytest.mark.parametrize("port_of", [lambda dashboard: dashboard.port, lambda _: 8080], ids=["own", "api"])
def test_own_origin_is_welcome(dashboard: Dashboard, port_of: Callable[[Dashboard], int]) -> None:
    """Both of the server's own listeners are its own Origin."""
    assert ask(dashboard, Origin=f"http://127.0.0.1:{port_of(dashboard)}").status_code == 200


def test_pages_carry_a_strict_policy(dashboard: Dashboard) -> None:
    """Pages aren't kept, aren't framed, and run scripts of their own answer only; text is never evaluated."""
    answer = ask(dashboard)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert policy != ask(dashboard).headers["Content-Security-Policy"]


def test_a_page_does_not_give_away_headers_and_cookies(dashboard: Dashboard) -> None:
    """Bokeh's token in the page holds nothing of what the browser sent."""
    from bokeh.util.token import get_token_payload

    page = ask(dashboard, Cookie="session=secret", Authorization="Bearer secret").text
    payload = get_token_payload(page.split('"token":"')[1].split('"')[0])
    assert payload["headers"] == {}
    assert payload["cookies"] == {}


def test_the_first_message_is_the_whole_snapshot(dashboard: Dashboard, feed: FakeFeed) -> None:
    """Who joins gets all figures at once, and then each new snapshot; the count of viewers follows."""
    with live(dashboard) as one, live(dashboard) as two:
        first = json.loads(one.recv(5))
        assert first["type"] == "snapshot"
        assert json.loads(feed.latest().encoded) == first["snapshot"]  # type: ignore[union-attr]
        two.recv(5)
        assert dashboard.viewers() >= 2
        feed.push(figures(2))
        assert [2, 2] == [receive(viewer)["version"] for viewer in (one, two)]


def test_nothing_is_computed_for_nobody(dashboard: Dashboard, feed: FakeFeed) -> None:
    """The feed has a subscriber while pages are open, one for all of them, and none before and after."""
    wait_until(lambda: feed.subscribers() == 0)
    with live(dashboard) as one, live(dashboard) as two:
        one.recv(5), two.recv(5)
        assert feed.subscribers() == 1
    wait_until(lambda: feed.subscribers() == 0)


def test_old_figures_wait_a_moment_for_newer_ones(dashboard: Dashboard, feed: FakeFeed) -> None:
    """Who opens a page after a pause gets a heartbeat, then the feed's new snapshot, or else the old one."""
    old_us = SystemClock().now_us() - HOUR_US
    feed._latest = snapshot(figures(301, now_us=old_us))
    with live(dashboard) as viewer:
        assert json.loads(viewer.recv(5))["type"] == "heartbeat"
        feed.push(figures(302))
        assert receive(viewer)["version"] == 302
    feed._latest = snapshot(figures(303, now_us=old_us))
    with live(dashboard) as viewer:
        assert json.loads(viewer.recv(5))["type"] == "heartbeat"
        assert receive(viewer)["version"] == 303


@pytest.mark.parametrize("path", ["/static/js/bokeh.min.js", f"/assets/{DIGEST}/app.js"])
def test_files_are_compressed_and_kept(dashboard: Dashboard, path: str) -> None:
    """Scripts go out compressed, intact, and need not be asked for again; who asks for plain ones gets them."""
    squeezed = ask(dashboard, path, **{"Accept-Encoding": "gzip"})
    plain = ask(dashboard, path, **{"Accept-Encoding": "identity"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert plain.content == squeezed.content
    part = ask(dashboard, path, **{"Accept-Encoding": "gzip", "Range": "bytes=0-9"})
    assert (206, plain.content[:10]) == (part.status_code, part.content)
    kept = ask(dashboard, f"{path}?v=1", **{"Accept-Encoding": "gzip"}).headers["Cache-Control"]
    assert int(kept.split("max-age=")[1].split(",")[0]) >= 31_536_000


def test_pages_are_not_compressed(dashboard: Dashboard) -> None:
    """A page holds a session's token: its size must not tell of what is in it."""
    assert "Content-Encoding" not in ask(dashboard, **{"Accept-Encoding": "gzip"}).headers


def test_a_page_that_fails_is_a_plain_500(caplog: pytest.LogCaptureFixture) -> None:
    """A fault in a page's function is logged, and shows visitors neither its text nor a traceback."""

    def broken() -> list[Any]:
        raise ValueError("the secret of the fault")

    with patch("appliance.ui.listener.PAGES", [replace(OVERVIEW, sections=broken)]):
        dashboard = dashboard_on(free_port(), FakeFeed(snapshot(figures(1))))
    try:
        answer = ask(dashboard)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
        assert "the secret of the fault" in caplog.text
        assert ask(dashboard, "/health").status_code == 200
    finally:
        assert dashboard.stop()


def test_before_the_first_snapshot_a_heartbeat_comes(dashboard: Dashboard, feed: FakeFeed) -> None:
    """A page knows that it is connected although there is nothing to show yet."""
    feed._latest = None
    with live(dashboard) as viewer:
        assert json.loads(viewer.recv(5))["type"] == "heartbeat"


def test_a_slow_reader_gets_the_latest(dashboard: Dashboard, feed: FakeFeed) -> None:
    """What a page didn't fetch in time isn't queued up: it skips to the newest snapshot."""
    padding = "x" * 1_000_000
    with live(dashboard) as slow, live(dashboard) as quick:
        slow.recv(5), quick.recv(5)
        for version in range(101, 141):
            feed.push(figures(version) | {"padding": padding})
            assert version == receive(quick)["version"]
        seen = [0]
        while seen[-1] != 140:
            seen.append(receive(slow)["version"])
        assert len(seen) < 40
        assert sorted(seen) == seen


def test_stop_ends_open_pages_within_bounds() -> None:
    """With pages open, stop() closes them, frees the port, and may be called again."""
    port = free_port()
    dashboard = dashboard_on(port, FakeFeed(snapshot(figures(1))))
    ask(dashboard)
    with ExitStack() as stack:
        viewers = [stack.enter_context(live(dashboard)) for _ in range(5)]
        for viewer in viewers:
            viewer.recv(5)
        assert dashboard.stop(3)
        assert dashboard.stop(3)
        for viewer in viewers:
            with pytest.raises(ConnectionClosed):
                viewer.recv(5)
    assert dashboard.viewers() == 0
    with pytest.raises(httpx.ConnectError):
        ask(dashboard)


def test_a_taken_port_is_told(dashboard: Dashboard) -> None:
    """When the port is in use, start() says so instead of hanging."""
    second = Dashboard(host="127.0.0.1", port=dashboard.port, feed=FakeFeed(), api_url=API_URL)
    with pytest.raises(DashboardFailed, match="in use"):
        second.start()
    assert second.stop()


def test_importing_the_dashboard_is_light() -> None:
    """The room can be imported without Panel, Bokeh or Tornado: they load when it starts."""
    code = "import sys, appliance.ui.server, appliance.ui.feed; print({'panel', 'bokeh', 'tornado'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
