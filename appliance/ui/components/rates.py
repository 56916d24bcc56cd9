"""Engagement rates of each hour."""

from __future__ import annotations

import panel as pn
from bokeh.models import PrintfTickFormatter

from appliance.ui.components.time_chart import add_hover, pane, source, time_chart
from appliance.ui.theme import ACCENT, QUIET, SECOND


def rates_chart() -> pn.pane.Bokeh:
    """Three lines in percent, told apart by colour and by dash; fed by ``browser/charts/rates.js``."""
    names = ("open", "click", "click_to_open")
    data = source("rates", ["start", "when", *names, *(f"{name}_text" for name in names)])
    chart = time_chart("rates", height=206)
    chart.yaxis.formatter = PrintfTickFormatter(format="%g%%")
    for name, color, dash in (("open", ACCENT, "solid"), ("click", SECOND, [7, 3]), ("click_to_open", QUIET, [2, 3])):
        chart.line("start", name, source=data, color=color, line_width=2.25, line_dash=dash)
        # An hour between two without data has no line to either side.
        chart.scatter("start", name, source=data, color=color, size=4)
    points = chart.scatter("start", "open", source=data, size=9, color=ACCENT, alpha=0, hover_alpha=1)
    add_hover(
        chart, points, "@when<br>open <b>@open_text</b><br>click <b>@click_text</b><br>to open <b>@click_to_open_text</b>"
    )
    return pane(chart)
