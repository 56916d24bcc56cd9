"""Was it a person? The label of an open or a click, by rules that carry a version.

Events are labelled and never dropped, and the version lies beside the label, so that history can be
labelled anew when the rules grow. The rules are those of mail senders' public experience: Apple Mail
Privacy Protection and Gmail's prefetch ask for pictures without a reader, Gmail's image proxy asks on
a reader's behalf, and security scanners follow links.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

Label = Literal["human", "proxy", "machine_prefetch", "scanner", "unknown"]

RULES_VERSION: Final = 1

_HINTS: Final[dict[str, Label]] = {
    "true": "machine_prefetch",
    "prefetch": "machine_prefetch",
    "machine_prefetch": "machine_prefetch",
    "scanner": "scanner",
    "proxy": "proxy",
    "human": "human",
}
_APPLE_PRIVACY: Final = "Mozilla/5.0"
_GMAIL_PREFETCH: Final = re.compile(r"Chrome/42\.0\.2311\.135 Safari/537\.36 Edge/12\.246 Mozilla/5\.0$")
_IMAGE_PROXY: Final = re.compile(r"GoogleImageProxy|YahooMailProxy", re.IGNORECASE)
_SCANNER: Final = re.compile(
    r"bot\b|crawler|spider|headless|phantomjs|puppeteer|playwright|selenium|python-requests|python-urllib|aiohttp"
    r"|curl/|wget/|go-http-client|okhttp|libwww|java/|barracuda|proofpoint|mimecast|safelinks|urldefense"
    r"|symantec|trendmicro|cloudmark|fireeye|sophos|googleother|scanner",
    re.IGNORECASE,
)


def label_open(properties: Mapping[str, Any]) -> Label:
    """The label of an ``email_opened``."""
    return _by_hint(properties) or _by_agent(_agent(properties), is_open=True)


def label_click(properties: Mapping[str, Any]) -> Label:
    """The label of an ``email_clicked``; a HEAD request is a scanner's, whatever it calls itself."""
    method = properties.get("method")
    if type(method) is str and method.upper() == "HEAD":
        return "scanner"
    return _by_hint(properties) or _by_agent(_agent(properties), is_open=False)


def _agent(properties: Mapping[str, Any]) -> str | None:
    agent = properties.get("user_agent")
    return agent if type(agent) is str else None


def _by_hint(properties: Mapping[str, Any]) -> Label | None:
    """What the sender or the provider says itself: ``machine`` or SendGrid's ``sg_machine_open``."""
    for hint in (properties.get("machine"), properties.get("sg_machine_open")):
        if hint is True:
            return "machine_prefetch"
        if type(hint) is str and hint in _HINTS:
            return _HINTS[hint]
    return None


@lru_cache(maxsize=65_536)
def _by_agent(agent: str | None, *, is_open: bool) -> Label:
    if agent is None or not agent.strip():
        return "unknown"
    if is_open and (agent == _APPLE_PRIVACY or _GMAIL_PREFETCH.search(agent)):
        return "machine_prefetch"
    if _IMAGE_PROXY.search(agent):
        return "proxy"
    if _SCANNER.search(agent):
        return "scanner"
    return "human"
