"""The page's connection to ``/live``, as an invisible component."""

from __future__ import annotations

from typing import ClassVar

import param
from panel.custom import JSComponent


class LiveFeed(JSComponent):  # type: ignore[misc, unused-ignore]
    """Opens the page's one web socket and feeds ``charts``; one on each page.

    The work is done by ``browser/app.js``; nothing that arrives goes through the page's session.
    """

    path = param.String("live", doc="Address of the web socket, relative to the page.")
    charts = param.List(default=[], item_type=str, doc="Names in browser/charts/all.js.")

    _esm: ClassVar[str] = """
        export function render({ model }) {
          globalThis.appliance.start({ path: model.path, charts: model.charts });
        }
    """
