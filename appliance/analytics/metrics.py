"""All named metrics at one instant, and a ratio of any window for alert rules."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import duckdb

from appliance.analytics.catalogue import ALERT_RATIOS, METRICS, AlertRatioName, Metric
from appliance.analytics.formulas import Growth, PointChange, Quotient, Unit, Value, Values, shown
from appliance.analytics.measures import aggregate_sql
from appliance.analytics.reading import fetch, one_snapshot
from appliance.analytics.recent import Recent, read_recent
from appliance.analytics.rounding import money


class MetricValue(TypedDict):
    """One metric as ``GET /v1/metrics`` shows it; ``value`` is ``None`` when there is no data."""

    value: Value
    unit: Unit
    window: str
    group: str
    definition: str
    numerator: NotRequired[int | float]
    denominator: NotRequired[int | float]
    currency: NotRequired[str]
    by_currency: NotRequired[dict[str, float]]


def metrics_at(cursor: duckdb.DuckDBPyConnection, as_of_us: int, *, base_currency: str) -> dict[str, MetricValue]:
    """Every metric of the catalogue by name, all of one snapshot of the log.

    A window is later than ``as_of_us`` less its length, up to ``as_of_us``; events of the future do
    not count yet. The cursor must not be in a transaction.
    """
    with one_snapshot(cursor):
        recent = read_recent(cursor, as_of_us, base_currency=base_currency)
    return metrics_of(recent, base_currency=base_currency)


def metrics_of(recent: Recent, *, base_currency: str) -> dict[str, MetricValue]:
    """The same from what was read already."""
    return {name: _metric_value(metric, recent, base_currency) for name, metric in METRICS.items()}


def ratio_over(
    cursor: duckdb.DuckDBPyConnection, name: AlertRatioName, *, as_of_us: int, window_us: int
) -> tuple[int, int]:
    """Numerator and denominator of an alert's ratio over the trailing window that ends at ``as_of_us``."""
    above, below = (aggregate_sql(measure) for measure in ALERT_RATIOS[name].measures)
    sql = (
        f"SELECT {above}, {below} FROM events "  # noqa: S608 - blocks of measures.sql alone
        "WHERE timestamp > make_timestamp($after) AND timestamp <= make_timestamp($as_of)"
    )
    row = fetch(cursor, sql, {"after": as_of_us - window_us, "as_of": as_of_us})[0]
    return int(row[0]), int(row[1])


def _metric_value(metric: Metric, recent: Recent, base_currency: str) -> MetricValue:
    values: Values = recent.hour if metric.window == "1h" else recent.day
    formula = metric.formula
    if isinstance(formula, Growth | PointChange):
        value = formula.change(values, recent.day_before)
    else:
        value = formula.value(values)
    shape = MetricValue(
        value=value, unit=metric.unit, window=metric.window, group=metric.group, definition=metric.definition
    )
    if isinstance(formula, Quotient):
        shape["numerator"] = shown(formula.numerator, values)
        shape["denominator"] = shown(formula.denominator, values)
    if metric.unit == "money":
        shape["currency"] = base_currency
    if metric.by_currency:
        shape["by_currency"] = {currency: money(amount) for currency, amount in recent.money_of_day.items()}
    return shape
