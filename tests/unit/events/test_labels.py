from __future__ import annotations

from typing import Any

import pytest

from appliance.events.labels import label_click, label_open

_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize(
    ("properties", "due"),
    [
        ({}, "unknown"),
        ({"user_agent": "  "}, "unknown"),
        ({"user_agent": 5}, "unknown"),
        ({"user_agent": _CHROME}, "human"),
        ({"user_agent": "Mozilla/5.0"}, "machine_prefetch"),
        ({"user_agent": "Mozilla/5.0 "}, "human"),
        ({"user_agent": _PREFETCH}, "machine_prefetch"),
        ({"user_agent": _PROXY}, "proxy"),
        ({"user_agent": "YahooMailProxy; https://help.yahoo.com"}, "proxy"),
        ({"user_agent": "Mozilla/5.0 (compatible; Barracuda Sentinel)"}, "scanner"),
        ({"user_agent": "python-requests/2.32"}, "scanner"),
        ({"user_agent": "Mozilla/5.0 HeadlessChrome/130.0"}, "scanner"),
        ({"user_agent": _CHROME, "machine": True}, "machine_prefetch"),
        ({"user_agent": _CHROME, "sg_machine_open": True}, "machine_prefetch"),
        ({"user_agent": "Mozilla/5.0", "machine": "human"}, "human"),
        ({"user_agent": _CHROME, "machine": False}, "human"),
        ({"user_agent": _CHROME, "machine": "rubbish"}, "human"),
    ],
)
def test_an_open(properties: dict[str, Any], due: str) -> None:
    """The sender's hint first, then the user agent; a proxy's open is still one."""
    assert due == label_open(properties)


@pytest.mark.parametrize(
    ("properties", "due"),
    [
        ({}, "unknown"),
        ({"user_agent": _CHROME}, "human"),
        ({"user_agent": _CHROME, "method": "head"}, "scanner"),
        ({"user_agent": _CHROME, "method": "HEAD", "machine": "human"}, "scanner"),
        ({"user_agent": "Mozilla/5.0"}, "human"),
        ({"user_agent": "curl/8.0"}, "scanner"),
        ({"user_agent": _CHROME, "machine": "scanner"}, "scanner"),
    ],
)
def test_a_click(properties: dict[str, Any], due: str) -> None:
    """HEAD requests and scanners' agents are scanners; privacy prefetch doesn't click."""
    assert due == label_click(properties)
