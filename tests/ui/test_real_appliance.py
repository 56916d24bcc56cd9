"""The dashboard of a real appliance in a real browser: from the first event to the last tab."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

from tests.process import ApplianceProcess
from tests.ui import real_appliance as real
from tests.ui.conftest import free_port
from tests.ui.test_overview import LOADING_MS, SOURCE, value_of, wait_until

LIMIT_MS = 1000 * real.LIMIT_SECONDS
PILL = '[data-shell="freshness"]'


def appliance_in(folder: Path) -> ApplianceProcess:
    return ApplianceProcess(folder / "data", port=free_port(), ui_port=free_port(), output=folder / "output")


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[ApplianceProcess]:
    """A fresh appliance of the test's own, without an event."""
    with appliance_in(tmp_path) as process:
        real.start(process)
        yield process


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApplianceProcess]:
    """An appliance with a day of events, for all tests that leave it running."""
    with appliance_in(tmp_path_factory.mktemp("busy")) as process:
        real.start(process)
        real.post(process, real.a_day_of_events())
        yield process


@pytest.fixture
def no_other_host(page: Page) -> Iterator[None]:
    """Fails the test when its page asks anything of another host than 127.0.0.1."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    yield
    assert addresses
    own = re.compile(r"(http|ws)://127\.0\.0\.1:\d+/|blob:|data:")
    assert [] == [address for address in addresses if not own.match(address)]


@pytest.mark.usefixtures("no_other_host")
def test_the_copied_command_fills_an_empty_page(
    page: Page, appliance: ApplianceProcess, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """An empty log shows a command with this server's address; run in a shell, it fills the page by itself."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"http://127.0.0.1:{appliance.ui_port}/")
    expect(page.get_by_role("heading", name="No events yet")).to_be_visible(timeout=LOADING_MS)
    expect(page.locator(".kpi").first).to_be_hidden()
    page.get_by_role("button", name="Copy").click()
    expect(page.locator('[data-shell="copy"]')).to_have_text("Copied")
    command = page.evaluate("navigator.clipboard.readText()")
    assert f"curl http://127.0.0.1:{appliance.port}/v1/events" in command
    told = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=True, env=os.environ | {"no_proxy": "127.0.0.1"}
    )
    began = time.monotonic()
    assert {"accepted": 1, "duplicates": 0, "rejected": []} == json.loads(told.stdout)
    expect(page.locator(".kpi").first).to_be_visible(timeout=LIMIT_MS)
    record_testsuite_property("seconds_until_the_page_filled", round(time.monotonic() - began, 2))
    expect(page.get_by_role("heading", name="No events yet")).to_be_hidden()
    assert ["1", "0", "0", "0"] == page.locator(".funnel .users").all_inner_texts()
    # Campaigns are taken anew every ten seconds or so.
    expect(page.locator(".campaigns tbody th")).to_have_text(["welcome"], timeout=3 * LIMIT_MS)


@pytest.mark.usefixtures("no_other_host")
def test_figures_on_screen_are_those_of_the_api(page: Page, busy: ApplianceProcess) -> None:
    """What a page shows equals the stream's snapshot of the same version, and that equals ``GET /v1/metrics``."""
    with real.streamed(busy) as known:
        open_real(page, busy)
        page.get_by_role("button", name="Pause").click()
        version = int(page.evaluate("document.documentElement.dataset.version"))
        real.wait_until(lambda: version in known, f"version {version} on the stream")
        answer = _metrics_of_a_streamed_snapshot(busy, known)
    assert_shown(page, known[version])
    same = next(snapshot for snapshot in known.values() if snapshot["as_of"] == answer["as_of"])
    assert same["metrics"] == answer["metrics"]


def _metrics_of_a_streamed_snapshot(busy: ApplianceProcess, known: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """An answer of ``/v1/metrics`` that was not computed for this question alone."""
    for _ in range(20):
        answer: dict[str, Any] = httpx.get(real.api(busy, "/v1/metrics")).json()
        if any(answer["as_of"] == snapshot["as_of"] for snapshot in list(known.values())):
            return answer
        time.sleep(0.2)
    pytest.fail("no answer of /v1/metrics was a snapshot of the stream")


def assert_shown(page: Page, snapshot: dict[str, Any]) -> None:
    """Cards, rates, funnel, charts, heat map and campaigns say what ``snapshot`` says."""
    metrics = snapshot["metrics"]
    for name in ["conversions_24h", "active_users_24h"]:
        assert f"{metrics[name]['value']:,}" == value_of(page, name).inner_text()
    for name in ["engagement_rate_24h", "email_open_rate_1h", "email_click_rate_24h", "click_to_open_rate_24h"]:
        assert metrics[name]["value"] == pytest.approx(_number(value_of(page, name)), abs=0.051)
    revenue = metrics["revenue_24h"]
    exact = page.locator(".kpi .tip").first.text_content() or ""
    assert f"{revenue['value']:,g} USD" in exact
    assert f"{revenue['by_currency']['EUR']:,g} EUR" in exact
    steps = snapshot["funnel"]["steps"]
    assert [f"{step['users']:,}" for step in steps] == page.locator(".funnel .users").all_inner_texts()
    activity = page.evaluate(SOURCE, "activity")["events"]
    assert [point["events"] for point in snapshot["activity"]["points"]] == list(activity)
    course = page.evaluate(SOURCE, "revenue")
    assert [point["value"] for point in snapshot["revenue"]["points"]] == list(course["value"])
    assert snapshot["revenue"]["previous"] == list(course["previous"])
    cells = page.locator(".heat tbody td").all_text_contents()
    assert [str(n) for row in snapshot["heatmap"]["values"] for n in row] == cells
    rows = page.locator(".campaigns tbody tr").all()
    assert [(row["campaign_id"], f"{row['sends']:,}") for row in snapshot["campaigns"]] == [
        (row.get_attribute("data-campaign"), row.locator("td").first.inner_text()) for row in rows
    ]


def test_an_event_is_seen_at_once(
    page: Page, busy: ApplianceProcess, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """A conversion posted over HTTP is counted on the open page; how long that takes is told, not judged."""
    open_real(page, busy)
    conversions = value_of(page, "conversions_24h")
    seconds = []
    for number in range(5):
        before = _number(conversions)
        real.post(busy, [{"event_type": "conversion", "user_id": f"buyer-{number}", "properties": {"revenue": 5}}])
        began = time.monotonic()
        expect(conversions).to_have_text(f"{before + 1:g}", timeout=LIMIT_MS)
        seconds.append(time.monotonic() - began)
    record_testsuite_property("seconds_until_an_event_was_seen_median", round(statistics.median(seconds), 2))
    record_testsuite_property("seconds_until_an_event_was_seen_max", round(max(seconds), 2))


def test_tabs_share_one_computation_and_leave_none_behind(chromium: Browser, busy: ApplianceProcess) -> None:
    """Three tabs get the same snapshots, a tick apart; when they are closed nobody is counted and nothing computed."""
    context = chromium.new_context()
    seen: list[dict[int, str]] = [{}, {}, {}]
    for instants in seen:
        tab = context.new_page()
        tab.on("websocket", _noting(instants))
        open_real(tab, busy)
    assert real.viewers(busy) == 3
    real.wait_until(lambda: _looked_on(tab, seen), "each tab has got four snapshots", 30)
    together = seen[0] | seen[1] | seen[2]
    for instants in seen:
        assert instants.items() <= together.items()
    ordered = [(version, datetime.fromisoformat(together[version]).timestamp()) for version in sorted(together)]
    ticks = [later[1] - earlier[1] for earlier, later in pairwise(ordered) if later[0] == earlier[0] + 1]
    assert ticks
    assert min(ticks) > 0.9
    context.close()
    real.wait_until(lambda: real.viewers(busy) == 0, "no viewer is left")
    real.wait_until(lambda: _rests(busy), "the hub rests", 60)


def _noting(instants: dict[int, str]) -> Callable[[WebSocket], None]:
    """Notes version and instant of each snapshot that comes over ``/live``."""

    def note(frame: str | bytes) -> None:
        if str(frame).startswith('{"type":"snapshot"'):
            snapshot = json.loads(frame)["snapshot"]
            instants[snapshot["version"]] = snapshot["as_of"]

    return lambda socket: socket.on("framereceived", note)


def _looked_on(tab: Page, seen: list[dict[int, str]]) -> bool:
    tab.wait_for_timeout(100)
    return all(len(instants) >= 4 for instants in seen)


def _rests(busy: ApplianceProcess) -> bool:
    """Whether within four seconds no more was computed than what the first glimpse itself asked for."""
    before = real.glimpse(busy)
    time.sleep(4)
    return real.glimpse(busy) - before <= 1


@pytest.mark.usefixtures("no_other_host")
def test_a_restart_is_lived_through_without_a_reload(page: Page, appliance: ApplianceProcess) -> None:
    """SIGTERM shows the page disconnected with its last figures; started again, it goes on by itself."""
    real.post(appliance, real.a_day_of_events())
    open_real(page, appliance)
    page.evaluate("globalThis.notReloaded = true")
    shown = value_of(page, "conversions_24h").inner_text()
    assert appliance.stop() == 0
    pill = page.locator(PILL)
    expect(pill).to_have_text(re.compile(r"disconnected — last data \d\d:\d\d:\d\d UTC"), timeout=LIMIT_MS)
    assert page.evaluate("document.documentElement.dataset.figures") == "old"
    assert shown == value_of(page, "conversions_24h").inner_text()
    real.start(appliance)
    expect(pill).to_have_text(re.compile(r"data to \d\d:\d\d:\d\d UTC, \d+ s behind"), timeout=3 * LIMIT_MS)
    before = _number(value_of(page, "conversions_24h"))
    real.post(appliance, [{"event_type": "conversion", "user_id": "late-buyer"}])
    expect(value_of(page, "conversions_24h")).to_have_text(f"{before + 1:g}", timeout=LIMIT_MS)
    assert page.evaluate("globalThis.notReloaded") is True


def open_real(page: Page, appliance: ApplianceProcess) -> None:
    """Open the overview of a real appliance, and wait until figures and charts are there."""
    page.goto(f"http://127.0.0.1:{appliance.ui_port}/")
    wait_until(page, "() => document.documentElement.dataset.figures !== 'none'", within_ms=LOADING_MS)
    wait_until(page, "() => Bokeh.documents[0]?.get_model_by_name('rates')?.data.start.length === 24")


def _number(node: Locator) -> float:
    found = re.search(r"[\d,.]+", node.inner_text())
    assert found is not None, node.inner_text()
    return float(found.group().replace(",", ""))
