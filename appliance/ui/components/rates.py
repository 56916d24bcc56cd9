"""Engagement rates of each hour."""

from __future__ import annotations

import panel as pn
from bokeh.models import PrintfTickFormatter

from appliance.ui.components.time_chart import HOUR_MS, add_hover, pane, source, time_chart
from appliance.ui.theme import ACCENT, QUIET, SECOND

_LINES = (("open", ACCENT, "solid"), ("click", SECOND, [7, 3]), ("click_to_open", QUIET, [2, 3]))
_TOOLTIP = "@when<br>open <b>@open_text</b><br>click <b>@click_text</b><br>click to open <b>@click_to_open_text</b>"


def rates_chart() -> pn.pane.Bokeh:
    """Three lines in percent, told apart by colour and by dash; fed by ``browser/charts/rates.js``."""
    names = [name for name, _, _ in _LINES]
    data = source("rates", ["start", "when", "ceiling", *names, *(f"{name}_text" for name in names)])
    chart = time_chart("rates", height=206)
    chart.yaxis.formatter = PrintfTickFormatter(format="%g%%")
    for name, color, dash in _LINES:
        chart.line("start", name, source=data, color=color, line_width=2.25, line_dash=dash)
        # An hour between two without data has no line to either side.
        chart.scatter("start", name, source=data, color=color, size=4)
    add_hover(chart, data, "start", HOUR_MS, _TOOLTIP)
    return pane(chart)
