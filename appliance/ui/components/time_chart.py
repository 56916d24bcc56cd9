"""What the dashboard's time charts have in common: a Bokeh figure without tools, painted from the page's tokens."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    DatetimeTicker,
    DatetimeTickFormatter,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.plotting import figure

from appliance.ui.theme import FONT, QUIET

HOUR_MS = 3_600_000


def time_chart(name: str, *, height: int) -> figure:
    """An empty chart over time, UTC. Its ranges are called ``{name}-x`` and ``{name}-y``, and set with the figures."""
    chart = figure(
        height=height,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        x_range=Range1d(start=0, end=1, name=f"{name}-x"),
        y_range=Range1d(start=0, end=1, name=f"{name}-y"),
        toolbar_location=None,
        tools="",
        min_border_left=44,
        min_border_right=12,
        min_border_top=8,
        outline_line_color=None,
    )
    chart.xgrid.visible = False
    chart.xaxis.ticker = DatetimeTicker(desired_num_ticks=6)
    chart.yaxis.ticker = BasicTicker(desired_num_ticks=4)
    chart.xaxis.formatter = DatetimeTickFormatter(minutes="%H:%M", hourmin="%H:%M", hours="%H:%M", days="%a %d")
    chart.yaxis.formatter = NumeralTickFormatter(format="0[.]0a")
    chart.yaxis.axis_line_alpha = 0
    for axis in chart.axis:
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "12px"
        axis.minor_tick_line_color = None
        axis.major_tick_line_color = None
    return chart


def source(name: str, columns: Sequence[str]) -> ColumnDataSource:
    """An empty source that the page's live feed fills by its name."""
    return ColumnDataSource(name=name, data={column: [] for column in columns})


def add_hover(chart: figure, data: ColumnDataSource, middle: str, width_ms: float, tooltip: str) -> None:
    """Show ``tooltip``, HTML with ``@column`` in it, and a pale band over the bucket at which the pointer is.

    A bucket is ``width_ms`` wide around the column ``middle``. ``data`` has a column ``ceiling``, the top of the chart,
    so that a bucket without a value answers too. Bokeh escapes the values.
    """
    bands = chart.vbar(
        x=middle,
        top="ceiling",
        width=width_ms,
        source=data,
        alpha=0,
        hover_fill_color=QUIET,
        hover_fill_alpha=0.14,
        hover_line_alpha=0,
        level="underlay",
    )
    chart.add_tools(HoverTool(tooltips=tooltip, renderers=[bands], mode="vline", point_policy="follow_mouse"))


def pane(chart: figure) -> pn.pane.Bokeh:
    """The chart as a Panel view that is as wide as its section."""
    return pn.pane.Bokeh(chart, sizing_mode="stretch_width", margin=0)  # type: ignore[no-untyped-call]
