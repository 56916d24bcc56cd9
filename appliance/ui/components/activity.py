"""Activity: events of each minute."""

from __future__ import annotations

import panel as pn

from appliance.ui.components.time_chart import add_hover, pane, source, time_chart
from appliance.ui.theme import ACCENT

_MINUTE_MS = 60_000


def activity_chart() -> pn.pane.Bokeh:
    """Bars, one a minute; fed by ``browser/charts/activity.js``."""
    data = source("activity", ["middle", "events", "alpha", "when", "text"])
    chart = time_chart("activity", height=262)
    bars = chart.vbar(
        x="middle",
        top="events",
        width=_MINUTE_MS * 0.72,
        source=data,
        color=ACCENT,
        fill_alpha="alpha",
        line_alpha=0,
        hover_fill_color=ACCENT,
        hover_fill_alpha=0.75,
        hover_line_alpha=0,
        border_radius=2,
    )
    add_hover(chart, bars, "<b>@text</b> events<br>@when")
    return pane(chart)
