"""Activity: events of each minute."""

from __future__ import annotations

import panel as pn

from appliance.ui.components.time_chart import add_hover, pane, source, time_chart
from appliance.ui.theme import ACCENT

_MINUTE_MS = 60_000


def activity_chart() -> pn.pane.Bokeh:
    """Bars, one a minute; fed by ``browser/charts/activity.js``."""
    data = source("activity", ["middle", "events", "alpha", "when", "text", "ceiling"])
    chart = time_chart("activity", height=262)
    chart.vbar(  # type: ignore[call-arg]  # border_radius is missing in Bokeh's types
        x="middle",
        top="events",
        width=_MINUTE_MS * 0.72,
        source=data,
        color=ACCENT,
        fill_alpha="alpha",
        line_alpha=0,
        border_radius=2,
    )
    add_hover(chart, data, "middle", _MINUTE_MS, "<b>@text</b> events<br>@when")
    return pane(chart)
