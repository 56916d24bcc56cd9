"""What the dashboard's time charts have in common: a Bokeh figure without tools, painted from the page's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import panel as pn
from bokeh.models import (
    ColumnDataSource,
    DatetimeTickFormatter,
    HoverTool,
    InlineStyleSheet,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.plotting import figure

from appliance.ui.theme import FONT

# The tooltip stands in the figure's shadow root and takes its colours from there.
_TOOLTIP_CSS = """
:host { --background-color: var(--raised); --color: var(--ink); --divider-color: var(--line); }
.bk-Tooltip, .bk-tooltip { font: 12px/1.5 var(--font); font-variant-numeric: tabular-nums; }
"""


def time_chart(name: str, *, height: int, number_format: str = "0[.]0a", ticks: int = 6) -> figure:
    """An empty chart over time, UTC. Its ranges are called ``{name}-x`` and ``{name}-y``, and set with the figures."""
    chart = figure(
        height=height,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        x_range=Range1d(0, 1, name=f"{name}-x"),
        y_range=Range1d(0, 1, name=f"{name}-y"),
        toolbar_location=None,
        tools="",
        min_border_left=44,
        min_border_right=12,
        min_border_top=8,
        outline_line_color=None,
        stylesheets=[InlineStyleSheet(css=_TOOLTIP_CSS)],
    )
    chart.xgrid.visible = False
    chart.yaxis.formatter = NumeralTickFormatter(format=number_format)
    chart.xaxis.formatter = DatetimeTickFormatter(
        minutes="%H:%M", hourmin="%H:%M", hours="%H:%M", days="%a %d", months="%b %Y"
    )
    chart.xaxis.ticker.desired_num_ticks = ticks
    chart.yaxis.ticker.desired_num_ticks = 4
    for axis in chart.axis:
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "12px"
        axis.minor_tick_line_color = None
        axis.major_tick_line_color = None
        axis.axis_line_alpha = 1 if axis in chart.xaxis else 0
    return chart


def source(name: str, columns: Sequence[str]) -> ColumnDataSource:
    """An empty source that the page's live feed fills by its name."""
    return ColumnDataSource(name=name, data={column: [] for column in columns})


def add_hover(chart: figure, renderer: Any, tooltip: str) -> None:
    """Show ``tooltip``, HTML with ``@column`` in it, for the point nearest in time. Values are escaped by Bokeh."""
    chart.add_tools(
        HoverTool(tooltips=tooltip, renderers=[renderer], mode="vline", point_policy="snap_to_data", attachment="above")
    )


def pane(chart: figure) -> pn.pane.Bokeh:
    """The chart as a Panel view that is as wide as its section."""
    return pn.pane.Bokeh(chart, sizing_mode="stretch_width", margin=0)


