"""Signing in at a real appliance, in a real browser: the way in, the live figures, and the way out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from appliance.access.sessions import COOKIE
from tests.process import ApplianceProcess
from tests.tls_proxy import tls_proxy
from tests.ui import real_appliance as real
from tests.ui.conftest import free_port
from tests.ui.test_overview import LOADING_MS

LIMIT_MS = 1000 * real.LIMIT_SECONDS
LOGIN = re.compile(r"/login(\?|$)")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApplianceProcess]:
    """An appliance in key mode with a day of events."""
    folder = tmp_path_factory.mktemp("locked")
    with ApplianceProcess(
        folder / "data",
        port=free_port(),
        ui_port=free_port(),
        output=folder / "output",
        environment={"APPLIANCE__SERVER__AUTH": "keys", "APPLIANCE__SERVER__TRUSTED_PROXIES": "127.0.0.0/8"},
    ) as process:
        real.start(process)
        real.post(process, real.a_day_of_events(), key=first_key(process, "write"))
        yield process


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """For pages that may say errors to the console."""
    opened = chromium.new_context()
    yield opened
    opened.close()


def first_key(appliance: ApplianceProcess, scope: str) -> str:
    """The key that the first start printed."""
    found = re.search(rf"^{scope} key: (\S+)$", appliance.printed(), re.MULTILINE)
    assert found is not None
    return found[1]


def make_key(appliance: ApplianceProcess, name: str, scope: str = "read") -> tuple[str, str]:
    """Id and text of a key, made over the API."""
    answer = httpx.post(
        real.api(appliance, "/v1/keys"),
        json={"name": name, "scopes": [scope]},
        headers={"Authorization": f"Bearer {first_key(appliance, 'admin')}"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["key"]


def address(appliance: ApplianceProcess, path: str = "/") -> str:
    return f"http://127.0.0.1:{appliance.ui_port}{path}"


def sign_in(page: Page, appliance: ApplianceProcess, key: str, path: str = "/") -> None:
    """Type the key where the focus is, and press Enter."""
    page.goto(address(appliance, path))
    expect(page).to_have_url(LOGIN)
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    expect(page).to_have_url(address(appliance, path))


def expect_figures(page: Page) -> None:
    expect(page.locator('[data-shell="freshness"]')).to_have_attribute("data-level", "good", timeout=LOADING_MS)


def test_in_and_out_again(page: Page, locked: ApplianceProcess) -> None:
    """A typed key opens the page asked for; it moves with the events; signing out closes it, in a second tab too."""
    _, key = make_key(locked, "Anna's laptop")
    sign_in(page, locked, key, "/?view=day")
    expect_figures(page)
    expect(page.locator(".visitor")).to_contain_text("Anna's laptop")
    sent = page.locator(".funnel .users").first
    before = sent.inner_text()
    real.post(locked, real.a_day_of_events("newcomer"), key=first_key(locked, "write"))
    expect(sent).not_to_have_text(before, timeout=LIMIT_MS)

    second = page.context.new_page()
    second.goto(address(locked))
    expect_figures(second)
    page.get_by_role("button", name="Sign out").click()

    expect(page).to_have_url(address(locked, "/login"))
    expect(second).to_have_url(address(locked, "/login?next=%2F"), timeout=LIMIT_MS)
    for left in (page, second):
        left.goto(address(locked))
        expect(left).to_have_url(LOGIN)
    page.go_back()
    expect(page).to_have_url(LOGIN)
    assert [] == page.context.cookies()


def test_a_wrong_key_is_told_and_can_be_mended(
    chromium: Browser, locked: ApplianceProcess, context: BrowserContext
) -> None:
    """The error is announced, the field has the focus again, and the right key leads on; without scripts too."""
    quiet = chromium.new_context(java_script_enabled=False)
    for page in (context.new_page(), quiet.new_page()):
        page.goto(address(locked, "/"))
        page.get_by_label("Key").fill("aa_read_wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("unknown")
        expect(page.get_by_label("Key")).to_have_value("")
        expect(page.get_by_label("Key")).to_be_focused()
        page.get_by_label("Key").fill(make_key(locked, "mended")[1])
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(address(locked, "/"))
    quiet.close()


def test_a_forged_cookie_opens_nothing(page: Page, locked: ApplianceProcess) -> None:
    """A browser that brings a cookie of its own making is sent to the sign-in."""
    page.context.add_cookies([{"name": COOKIE, "value": "x" * 43, "url": address(locked)}])
    page.goto(address(locked))
    expect(page).to_have_url(LOGIN)


def test_a_revoked_key_closes_its_pages(page: Page, locked: ApplianceProcess) -> None:
    """Within seconds, and not by a page that connects again for ever."""
    key_id, key = make_key(locked, "to be revoked")
    sign_in(page, locked, key)
    expect_figures(page)
    answer = httpx.delete(
        real.api(locked, f"/v1/keys/{key_id}"), headers={"Authorization": f"Bearer {first_key(locked, 'admin')}"}
    )
    assert answer.status_code in {200, 204}, answer.text
    expect(page).to_have_url(LOGIN, timeout=LIMIT_MS)


def test_a_page_whose_session_ended_unseen_asks_for_a_key(context: BrowserContext, locked: ApplianceProcess) -> None:
    """A page that could not reach the server meanwhile learns of it when it connects again."""
    sign_in(page := context.new_page(), locked, make_key(locked, "sleeper")[1])
    expect_figures(page)
    token = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == COOKIE)
    locked.stop()
    expect(page.locator('[data-shell="freshness"]')).to_have_attribute("data-level", "bad", timeout=LIMIT_MS)
    real.start(locked)
    expect_figures(page)

    locked.stop()
    context.clear_cookies()
    context.add_cookies([{"name": COOKIE, "value": token[::-1], "url": address(locked)}])
    real.start(locked)
    expect(page).to_have_url(LOGIN, timeout=LOADING_MS)


def test_the_documentation_opens_with_the_session(page: Page, locked: ApplianceProcess) -> None:
    """On the API's port, where its policy lets it draw itself and nothing else."""
    sign_in(page, locked, make_key(locked, "reader")[1])
    answer = page.goto(real.api(locked, "/docs"))
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert "frame-ancestors 'none'" in policy
    page.get_by_text("Live figures and events").click(timeout=LOADING_MS)
    expect(page.get_by_role("button", name="Try it out").first).to_be_visible()


@pytest.mark.parametrize("keeps_host", [True, False], ids=["Host", "X-Forwarded-Host"])
def test_a_proxy_with_tls_may_stand_in_front(
    chromium: Browser, locked: ApplianceProcess, tmp_path: Path, keeps_host: bool
) -> None:
    """Pages, web sockets, signing in and out work through it, and the cookie goes over TLS only."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    context = chromium.new_context(ignore_https_errors=True)
    with tls_proxy(tmp_path, locked.ui_port, keeps_host=keeps_host) as port:
        site = f"https://127.0.0.1:{port}"
        page = context.new_page()
        page.goto(site)
        page.keyboard.type(make_key(locked, "from afar")[1])
        page.keyboard.press("Enter")
        expect_figures(page)
        assert [True] == [cookie["secure"] for cookie in context.cookies()]
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{site}/login")
        assert [] == context.cookies()
        context.close()


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_the_form_fits(context: BrowserContext, locked: ApplianceProcess, width: int) -> None:
    """On a phone nothing has to be scrolled sideways."""
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(address(locked, "/login"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.get_by_role("button", name="Sign in")).to_be_in_viewport()
