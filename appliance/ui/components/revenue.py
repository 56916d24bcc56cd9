"""Revenue over the day, against the day before."""

from __future__ import annotations

import panel as pn

from appliance.ui.components.time_chart import HOUR_MS, add_hover, pane, source, time_chart
from appliance.ui.theme import ACCENT, QUIET


def revenue_chart() -> pn.pane.Bokeh:
    """Lines, one point an hour; fed by ``browser/charts/revenue.js``."""
    data = source("revenue", ["start", "value", "previous", "when", "text", "before", "ceiling"])
    whole = source("revenue-whole", ["start", "value"])
    unfinished = source("revenue-open", ["start", "value"])
    chart = time_chart("revenue", height=272)
    chart.line("start", "previous", source=data, color=QUIET, line_width=1.25)
    chart.varea("start", 0, "value", source=whole, color=ACCENT, fill_alpha=0.1)
    chart.line("start", "value", source=whole, color=ACCENT, line_width=2.5, line_join="round", line_cap="round")
    chart.line("start", "value", source=unfinished, color=ACCENT, line_width=2.5, line_dash=[2, 4])
    add_hover(chart, data, "start", HOUR_MS, "<b>@text</b><br>@when<br>the day before: @before")
    return pane(chart)
