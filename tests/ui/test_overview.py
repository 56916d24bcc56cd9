"""The overview in a real browser, its figures fed by hand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from appliance.clock import SECOND_US, SystemClock
from appliance.ui.server import Dashboard
from tests.ui.conftest import API_URL, dashboard_on, free_port
from tests.ui.fake_feed import FakeFeed, figures, snapshot

WITHIN_MS = 2_000
LOADING_MS = 20_000
SOURCE = "name => Bokeh.documents[0].get_model_by_name(name).data"


def open_overview(page: Page, dashboard: Dashboard) -> None:
    """Open the page, and wait until it shows figures."""
    page.goto(f"http://127.0.0.1:{dashboard.port}/")
    wait_until(page, "() => document.documentElement.dataset.figures !== 'none'", within_ms=LOADING_MS)
    wait_until(page, "() => Bokeh.documents[0]?.get_model_by_name('rates')?.data.start.length === 24")


def wait_until(page: Page, condition: str, argument: Any = None, *, within_ms: int = WITHIN_MS) -> None:
    """Playwright's own ``wait_for_function`` evaluates text inside the page, which the page's policy forbids."""
    for _ in range(within_ms // 50):
        if page.evaluate(condition, argument):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"not within {within_ms} ms: {condition}")


def value_of(page: Page, metric: str) -> Locator:
    return page.locator(f'[data-metric="{metric}"]').first


def test_nothing_is_asked_of_another_host(page: Page, dashboard: Dashboard) -> None:
    """Everything that the page loads comes from the dashboard itself, and none of it is missing."""
    addresses: list[str] = []
    failures: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("response", lambda answer: failures.append(answer.url) if answer.status >= 400 else None)
    open_overview(page, dashboard)
    own = (f"http://127.0.0.1:{dashboard.port}/", "blob:", "data:")
    assert [] == [address for address in addresses if not address.startswith(own)]
    assert [] == failures
    assert page.title() == "Overview · Analytics Appliance"


def test_figures_on_screen_are_those_of_the_snapshot(page: Page, dashboard: Dashboard) -> None:
    """Cards, funnel, charts, heat map and campaigns show what the snapshot says."""
    shown = figures(1)
    open_overview(page, dashboard)
    assert value_of(page, "revenue_24h").inner_text() == "$48,213"
    assert value_of(page, "conversions_24h").inner_text() == "613"
    assert value_of(page, "engagement_rate_24h").inner_text() == "24.4%"
    assert "+12.4% vs previous 24 h" in value_of(page, "revenue_growth_24h").inner_text()
    assert "\u22123.1%" in value_of(page, "conversion_growth_24h").inner_text()
    assert "no change" in value_of(page, "user_growth_24h").inner_text()
    assert "+1.3 pp" in value_of(page, "engagement_growth_24h").inner_text()
    assert [100, 33.7, 6.4, 1.7] == [_first_number(text) for text in page.locator(".funnel .first").all_inner_texts()]
    assert ["12,480", "4,211", "803", "214"] == page.locator(".funnel .users").all_inner_texts()
    activity = [point["events"] for point in shown["activity"]["points"]]
    assert activity == list(page.evaluate(SOURCE, "activity")["events"])
    revenue = page.evaluate(SOURCE, "revenue")
    assert [point["value"] for point in shown["revenue"]["points"]] == revenue["value"]
    assert shown["revenue"]["previous"] == revenue["previous"]
    cells = page.locator(".heat tbody td").all_text_contents()
    assert [str(n) for row in shown["heatmap"]["values"] for n in row] == cells
    names = [row["campaign_id"] or "(no campaign)" for row in shown["campaigns"]]
    assert names == page.locator(".campaigns tbody th").all_text_contents()


def test_exact_value_and_definition_are_in_the_tooltip(page: Page, dashboard: Dashboard) -> None:
    """A card under focus tells the value to its last place, other currencies, and what the metric means."""
    open_overview(page, dashboard)
    page.locator(".kpi").first.focus()
    tooltip = page.locator(".kpi .tip").first
    expect(tooltip).to_be_visible()
    assert "48,213.4525 USD" in tooltip.inner_text()
    assert "1,204.5 EUR" in tooltip.inner_text()
    assert "Sum of the amounts of conversions." in tooltip.inner_text()


def test_a_new_snapshot_shows_without_any_session(page: Page, dashboard: Dashboard, feed: FakeFeed) -> None:
    """Tiles and charts move within two seconds, and the browser sends no change back to the page's session."""
    patches: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: _note_patch(frame, patches)))
    open_overview(page, dashboard)
    patches.clear()
    for version in range(201, 206):
        feed.push(figures(version))
        expect(value_of(page, "conversions_24h")).to_have_text(str(612 + version), timeout=WITHIN_MS)
        wanted = figures(version)["activity"]["points"][0]["events"]
        wait_until(page, f"n => ({SOURCE})('activity').events[0] === n", wanted)
    assert [] == patches


def _note_patch(frame: Any, patches: list[str]) -> None:
    if "PATCH-DOC" in str(frame):
        patches.append(str(frame))


def test_no_data_is_said_and_never_zero(page: Page, dashboard: Dashboard, feed: FakeFeed) -> None:
    """Null ratios read "no data", counts without events read 0, and null growths tell of no comparison."""
    feed._latest = snapshot(figures(7, has_data=False))
    open_overview(page, dashboard)
    assert value_of(page, "engagement_rate_24h").inner_text() == "no data"
    assert value_of(page, "email_open_rate_1h").inner_text() == "no data"
    assert value_of(page, "conversions_24h").inner_text() == "0"
    assert value_of(page, "revenue_growth_24h").inner_text() == "no comparison with the previous 24 h"
    assert "no data" == page.locator(".funnel .first").first.inner_text()
    assert page.locator(".nothing").is_visible()


def test_an_empty_log_teaches_and_then_fills(page: Page, dashboard: Dashboard, feed: FakeFeed) -> None:
    """Without any event the page shows a command that works; with the first event, full-sized charts."""
    feed._latest = snapshot(figures(8, has_data=False, empty=True))
    open_overview(page, dashboard)
    words = shlex.split(page.locator('[data-shell="curl"]').inner_text().replace("\\\n", " "))
    assert words[:2] == ["curl", f"{API_URL}/v1/events"]
    assert words[2:4] == ["-H", "Content-Type: application/json"]
    assert words[4] == "-d"
    assert page.get_by_role("link", name="/docs").get_attribute("href") == f"{API_URL}/docs"
    expect(page.locator(".kpi").first).to_be_hidden()
    feed.push(figures(9))
    expect(page.locator(".kpi").first).to_be_visible(timeout=WITHIN_MS)
    expect(page.locator('[data-shell="empty"]')).to_be_hidden()
    box = page.locator('[data-section="revenue"] canvas').first.bounding_box()
    assert box is not None
    assert box["width"] > 600


def test_one_crowded_hour_leaves_the_others_apart(page: Page, dashboard: Dashboard, feed: FakeFeed) -> None:
    """The heat map's colours go by rank, and its legend says which counts each colour stands for."""
    crowded = figures(70)
    values = [[0] * 24 for _ in range(7)]
    values[0][:10] = range(1, 11)
    values[0][9] = 100_000
    crowded["heatmap"]["values"] = values
    feed._latest = snapshot(crowded)
    open_overview(page, dashboard)
    cells = page.locator(".heat tbody tr").first.locator("td")
    levels = [cell.get_attribute("data-level") for cell in cells.all()[:11]]
    assert ["1", "1", "2", "2", "3", "3", "4", "4", "5", "5", "0"] == levels
    assert ["0", "1\u20132", "3\u20134", "5\u20136", "7\u20138", "9\u2013100K"] == page.locator(
        ".scale span"
    ).all_inner_texts()
    assert page.locator(".readout").inner_text() == "busiest: Mon 09:00\u201310:00, 100,000 events"


def test_the_keyboard_reaches_each_hour(page: Page, dashboard: Dashboard) -> None:
    """The heat map is one tab stop; the arrow keys go from hour to hour, and the line below says what is there."""
    shown = figures(1)["heatmap"]["values"]
    open_overview(page, dashboard)
    assert page.locator(".heat td[tabindex='0']").count() == 1
    page.locator(".heat td[tabindex='0']").focus()
    for key in ["ArrowUp", "ArrowRight", "ArrowDown", "ArrowRight"]:
        page.keyboard.press(key)
    assert page.locator(".readout").inner_text() == f"Tue 02:00\u201303:00: {shown[1][2]} events"
    page.keyboard.press("End")
    assert page.locator(".readout").inner_text() == f"Tue 23:00\u201300:00: {shown[1][23]} events"
    assert page.locator(".heat td[tabindex='0']").count() == 1


def test_slower_figures_tell_their_own_instant(page: Page, dashboard: Dashboard) -> None:
    """What is taken less often than the cards says of when it is."""
    open_overview(page, dashboard)
    for section, key in [("revenue", "hourly_as_of"), ("campaigns", "slow_as_of")]:
        told = page.locator(f'[data-section="{section}"] [data-as-of="{key}"]')
        expect(told).to_have_text(re.compile(r"^as of \d\d:\d\d:\d\d$"))


def test_the_heat_map_names_its_zone(page: Page, dashboard: Dashboard) -> None:
    """Hours of the day are those of the zone that the figures were taken in, and the page says which."""
    open_overview(page, dashboard)
    expect(page.locator('[data-section="heatmap"] [data-zone]')).to_have_text("Europe/Berlin")


def test_dark_follows_the_system_until_told_otherwise(page: Page, dashboard: Dashboard) -> None:
    """The page is dark where the system is, and the button's choice wins and stays."""
    light, dark = "rgb(245, 246, 248)", "rgb(13, 17, 23)"
    page.emulate_media(color_scheme="dark")
    open_overview(page, dashboard)
    assert dark == _background(page)
    page.locator('[data-shell="theme"]').click()
    assert light == _background(page)
    page.reload()
    assert light == _background(page)
    page.locator('[data-shell="theme"]').click()
    page.emulate_media(color_scheme="light")
    assert dark == _background(page)


def _background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


@pytest.mark.parametrize("width", [320, 390, 768, 1100])
def test_no_sideways_scroll(page: Page, dashboard: Dashboard, width: int) -> None:
    """Nothing is wider than the window, from a small phone to a tablet."""
    page.set_viewport_size({"width": width, "height": 844})
    open_overview(page, dashboard)
    assert width >= page.evaluate("document.documentElement.scrollWidth")
    columns = len({box["x"] for card in page.locator(".kpi").all() if (box := card.bounding_box())})
    assert columns == (1 if width < 500 else 2 if width < 1050 else 4)


def test_a_lost_connection_is_told_and_found_again(page: Page) -> None:
    """Without the server the figures are marked old with the time they are of; with it they live again."""
    port, feed = free_port(), FakeFeed(snapshot(figures(1)))
    first = dashboard_on(port, feed)
    open_overview(page, first)
    assert first.stop()
    pill = page.locator('[data-shell="freshness"]')
    expect(pill).to_have_text(re.compile(r"disconnected — last data \d\d:\d\d:\d\d UTC"), timeout=5_000)
    assert page.evaluate("document.documentElement.dataset.figures") == "old"
    second = dashboard_on(port, FakeFeed(snapshot(figures(30))))
    expect(value_of(page, "conversions_24h")).to_have_text("642", timeout=15_000)
    expect(pill).to_have_text(re.compile(r"data to \d\d:\d\d:\d\d UTC, \d s behind"))
    assert second.stop()


@pytest.mark.parametrize(("age_seconds", "level"), [(0, "good"), (12, "late"), (300, "bad")])
def test_old_figures_look_old(page: Page, dashboard: Dashboard, feed: FakeFeed, age_seconds: int, level: str) -> None:
    """The pill says by how much the figures are behind, and changes its level with it."""
    now_us = SystemClock().now_us() - age_seconds * SECOND_US
    feed._latest = snapshot(figures(10 + age_seconds, now_us=now_us))
    open_overview(page, dashboard)
    expect(page.locator('[data-shell="freshness"]')).to_have_attribute("data-level", level)


def test_pause_holds_and_resume_catches_up(page: Page, dashboard: Dashboard, feed: FakeFeed) -> None:
    """While paused the figures stand still and say so; afterwards the newest shows at once."""
    open_overview(page, dashboard)
    page.get_by_role("button", name="Pause").click()
    feed.push(figures(50))
    page.wait_for_timeout(500)
    assert value_of(page, "conversions_24h").inner_text() == "613"
    expect(page.locator('[data-shell="freshness"]')).to_contain_text("paused at")
    page.get_by_role("button", name="Resume").click()
    expect(value_of(page, "conversions_24h")).to_have_text("662")


def test_names_from_events_are_text(page: Page, dashboard: Dashboard, feed: FakeFeed) -> None:
    """A campaign called like markup is shown as it is called, and nothing of it is executed."""
    hostile = figures(60)
    hostile["campaigns"][0]["campaign_id"] = '<img src=x onerror="document.title=1">'
    feed._latest = snapshot(hostile)
    open_overview(page, dashboard)
    assert page.locator(".campaigns tbody th").first.text_content() == '<img src=x onerror="document.title=1">'
    assert page.locator(".campaigns img").count() == 0
    assert page.title() == "Overview · Analytics Appliance"


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("activity", 60, lambda shown: str(shown["activity"]["points"][-1]["events"])),
        ("revenue", 24, lambda shown: f"${shown['revenue']['points'][-1]['value']:,.2f}"),
        ("rates", 24, lambda shown: f"{shown['rates']['points'][-1]['open']:.2f}%"),
        ("funnel", 4, lambda shown: f"{shown['funnel']['steps'][0]['users']:,}"),
    ],
)
def test_charts_have_a_table(
    page: Page, dashboard: Dashboard, name: str, rows: int, expected: Callable[[dict[str, Any]], str]
) -> None:
    """Each chart's figures can be read as a table, the newest hour or minute first."""
    open_overview(page, dashboard)
    page.locator(f'details[data-table="{name}"] summary').click()
    body = page.locator(f'details[data-table="{name}"] tbody tr')
    expect(body).to_have_count(rows)
    assert expected(figures(1)) == body.first.locator("td").first.inner_text()


def _first_number(text: str) -> float:
    found = re.match(r"[\d.]+", text)
    assert found is not None
    return float(found.group())
