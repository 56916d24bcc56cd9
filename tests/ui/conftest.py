"""A real Chromium, and dashboards fed by hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from appliance.ui.server import Dashboard
from tests.ui.fake_feed import FakeFeed, figures, snapshot

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
API_URL = "http://127.0.0.1:8080"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def dashboard_on(port: int, feed: FakeFeed) -> Dashboard:
    """A started dashboard at which nobody signs in."""
    dashboard = Dashboard(host="127.0.0.1", port=port, feed=feed, api_url=API_URL)
    dashboard.start()
    return dashboard


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for one module: while it is open an event loop runs in this thread, in the way of other tests."""
    if not CHROMIUM.exists():
        message = f"No Chromium at {CHROMIUM}: install it (Debian: chromium), or name another in CHROMIUM."
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_feed() -> FakeFeed:
    return FakeFeed()


@pytest.fixture(scope="session")
def shared_dashboard(shared_feed: FakeFeed) -> Iterator[Dashboard]:
    dashboard = dashboard_on(free_port(), shared_feed)
    yield dashboard
    dashboard.stop()


@pytest.fixture
def feed(shared_feed: FakeFeed) -> FakeFeed:
    """The feed of ``dashboard``, holding a whole snapshot, version 1."""
    shared_feed._latest = snapshot(figures(1))
    return shared_feed


@pytest.fixture
def dashboard(shared_dashboard: Dashboard, feed: FakeFeed) -> Dashboard:
    """One dashboard for all tests that don't stop it: loading Panel takes seconds."""
    return shared_dashboard


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page, 1440 × 900, light; whatever it says to the console as an error fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    lost = "WebSocket connection to"  # what the browser itself says when a test stops the server
    assert [] == [error for error in errors if lost not in error and "Lost websocket" not in error]
