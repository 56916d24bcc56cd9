"""Every rule of the dashboard's Tornado application, generated from it, against every kind of visitor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.routing import PathMatches, Rule, RuleRouter

from appliance.ui.assets import DIGEST
from appliance.ui.sign_in import SignedOut
from tests.ui.guarded import Guarded, guarded_dashboard
from tests.ui.test_listener import UPGRADE

OPEN = {"/health", "/login", "/logout", "/session"}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_dashboard(tmp_path_factory.mktemp("guarded")) as running:
        yield running


def rules_of(router: RuleRouter) -> Iterator[Rule]:
    for rule in router.rules:
        if isinstance(rule.target, RuleRouter):
            yield from rules_of(rule.target)
        else:
            yield rule


def paths(guarded: Guarded) -> list[str]:
    """A path for each rule that goes by paths."""
    application: Any = guarded.dashboard._listener._server._tornado  # type: ignore[union-attr]
    found = []
    for rule in rules_of(application.default_router):
        if isinstance(rule.matcher, PathMatches):
            path = _path_for(rule.matcher.regex)
            assert rule.matcher.regex.match(path), (rule, path)
            found.append(path)
    return found


def _path_for(pattern: re.Pattern[str]) -> str:
    path = re.sub(r"\(\?!.*?\)", "", pattern.pattern).rstrip("$")
    return path.replace("/?", "/").replace("(.*)", "js/bokeh.min.js").replace("\\", "") or "/"


def is_open(path: str) -> bool:
    return path in OPEN or path.startswith(f"/assets/{DIGEST}/")


def visitors(guarded: Guarded) -> dict[str, str]:
    """Tokens that open nothing."""
    revoked_id, revoked_key = guarded.key()
    revoked = guarded.signed_in(revoked_key)
    guarded.access.keyring.revoke(revoked_id)
    left = guarded.new_session()
    assert guarded.ask("/logout", left, "POST").status_code == 303
    expiring = guarded.signed_in(guarded.key(expires_us=guarded.clock.now_us() + 1_000_000)[1])
    guarded.clock.advance(2)
    genuine = guarded.new_session()
    return {
        "no cookie": "",
        "a made-up token": "A" * 43,
        "a token that lacks its end": genuine[:-1],
        "a key instead of a token": guarded.key()[1],
        "of a revoked key": revoked,
        "of an expired key": expiring,
        "signed out": left,
    }


def test_no_rule_is_open_to_strangers(guarded: Guarded) -> None:
    """Without a session that holds, each rule but the sign-in's own redirects to it or answers 401."""
    everything = [*paths(guarded), "/nothing", "/ws/", "//", "/login/", "/assets/", "/health/x", "/%2e%2e/live"]
    assert {"/", "/ws", "/live", "/autoload.js", "/metadata", "/v1/stream", "/static/js/bokeh.min.js"} <= {*everything}
    strangers = visitors(guarded)
    for path in everything:
        for who, token in strangers.items():
            for method in METHODS:
                for headers in ({}, UPGRADE) if method == "GET" else ({},):
                    answer = guarded.head(path, token, method, **headers)
                    refused = answer.status_code == 401 or _leads_to_login(answer)
                    assert is_open(path) or refused, (path, who, method, answer)
                    assert not (headers and answer.status_code < 400 and not is_open(path)), (path, who)


def test_every_rule_is_open_with_a_session(guarded: Guarded) -> None:
    """None of them asks the signed-in to sign in: what they answer is their own business."""
    token = guarded.new_session()
    for path in paths(guarded):
        if path != "/logout":
            answer = guarded.head(path, token, **(UPGRADE if path in {"/ws", "/live"} else {}))
            assert answer.status_code not in {401, 403}, (path, answer)
            assert not _leads_to_login(answer), (path, answer)


def test_what_protects_stands_first(guarded: Guarded) -> None:
    """The guard, then the sign-in, then everything else."""
    application: Any = guarded.dashboard._listener._server._tornado  # type: ignore[union-attr]
    assert isinstance(application.default_router.rules[1].matcher, SignedOut)


@pytest.mark.parametrize("method", METHODS)
def test_all_answers_carry_the_headers(guarded: Guarded, method: str) -> None:
    """Pages, refusals, redirects, files and errors can't be framed, sniffed or, but for files, kept."""
    token = guarded.new_session()
    for path in [*paths(guarded), "/nothing"]:
        for shown in ("", token) if path != "/logout" else ("",):
            headers = guarded.head(path, shown, method).headers
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
            assert "default-src 'none'" in headers["Content-Security-Policy"], path
            assert ("nosniff", "DENY") == (headers["X-Content-Type-Options"], headers["X-Frame-Options"]), path
            is_file = path.startswith(("/static/", "/assets/"))
            assert is_file or headers["Cache-Control"] == "no-store", path


def _leads_to_login(answer: httpx.Response) -> bool:
    return answer.status_code == 302 and answer.headers["Location"].startswith("/login?next=%2F")


def test_paths_are_found_for_patterns_of_any_form() -> None:
    """The test's own way from a rule to a path of it."""
    assert Path("/static/js/bokeh.min.js") == Path(_path_for(re.compile(r"/static/(?!extensions/)(.*)$")))
    assert _path_for(re.compile("/?$")) == "/"
