"""The frame around every page: what a page is made of, and the document that a visitor gets.

A page is a list of sections in a grid of twelve columns. To add a page, describe it in a module of ``pages`` and list
it in ``appliance.ui.pages.PAGES``; from two pages on, the header shows a navigation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import panel as pn

from appliance.ui import theme
from appliance.ui.assets import ASSETS, DIGEST
from appliance.ui.components.live_feed import LiveFeed

_TEMPLATE = (ASSETS / "page.html").read_text(encoding="utf-8")
_EARLY = (ASSETS / "early.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Site:
    """What the pages know of the server."""

    api_url: str
    needs_key: bool

    def first_event_command(self) -> str:
        """A shell command, over several lines, that sends one event to this server."""
        return " \\\n  ".join(
            [
                f"curl {self.api_url}/v1/events",
                "-H 'Content-Type: application/json'",
                *(["-H 'Authorization: Bearer YOUR_WRITE_KEY'"] if self.needs_key else []),
                """-d '{"event_type": "email_sent", "user_id": "ada", "campaign_id": "welcome"}'""",
            ]
        )


@dataclass(frozen=True)
class Section:
    """A part of a page: ``views`` below each other on a card.

    ``name`` is unique on the page. ``columns`` of twelve on a wide screen. ``chart`` says in words what a chart shows,
    for those who don't see it; ``table`` is the name of the table below it, which chart or tile fills. In ``note`` the
    sign ¤ becomes the base currency and § the zone in which hours and days are counted. ``as_of`` is the snapshot's key
    of these figures' instant, where it is their own.
    """

    name: str
    title: str
    views: Sequence[Any]
    columns: int = 12
    note: str = ""
    chart: str | None = None
    table: str | None = None
    as_of: str | None = None
    is_card: bool = True


@dataclass(frozen=True)
class Page:
    """A page: its path, its title, the charts to feed, its sections, and a line on what its figures mean."""

    path: str
    title: str
    charts: Sequence[str]
    sections: Callable[[], Sequence[Section]]
    definitions: str


def build(page: Page, pages: Sequence[Page], site: Site) -> Callable[[], Any]:
    """A function that makes the page's document, anew for each visitor."""

    def document() -> Any:
        try:
            return _document(page, pages, site)
        except Exception as failure:  # noqa: BLE001  raised again when the page is rendered
            return _failed(failure)

    return document


def _document(page: Page, pages: Sequence[Page], site: Site) -> Any:
    sections = page.sections()
    template = pn.Template(_TEMPLATE)
    template.add_panel("live_feed", LiveFeed(charts=list(page.charts)))  # type: ignore[no-untyped-call]
    for section in sections:
        for number, view in enumerate(section.views):
            template.add_panel(_root(section, number), view)
    for name, value in _variables(page, pages, sections, site).items():
        template.add_variable(name, value)
    return template


def _failed(failure: Exception) -> Any:
    """A document that cannot be rendered, so that Tornado logs ``failure`` and answers 500.

    Panel would answer 200, and show visitors the traceback.
    """

    def fail() -> None:
        raise failure

    template = pn.Template("{{ fail() }}")
    template.add_variable("fail", fail)
    return template


def _variables(page: Page, pages: Sequence[Page], sections: Sequence[Section], site: Site) -> dict[str, Any]:
    return {
        "page": page,
        "pages": pages,
        "sections": [(section, [_root(section, i) for i in range(len(section.views))]) for section in sections],
        "site": site,
        "signed_in_as": _signed_in_as(),
        "tokens": theme.css(),
        "early": _EARLY,
        "assets": f"./assets/{DIGEST}",
    }


def _signed_in_as() -> str | None:
    """The name of the visitor's key, which ``SignedOut`` has left in the request; ``None`` in open mode."""
    context: Any = pn.state.curdoc.session_context if pn.state.curdoc is not None else None
    return None if context is None else getattr(context.request, "signed_in_as", None)


def _root(section: Section, number: int) -> str:
    return f"{section.name}_{number}"
