"""Exports and SQL queries of callers."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance.api.parts import Parts


def metrics(parts: Parts) -> Iterator[Metric]:
    yield GaugeMetricFamily("appliance_exports_running", "Exports under way.", value=parts.exports.running)
    exported = CounterMetricFamily(
        "appliance_exported_events", "Events in completed exports, by format.", labels=["format"]
    )
    for name, count in parts.exports.events.copy().items():
        exported.add_metric([name], count)
    yield exported
    counts = parts.sql.counts
    yield GaugeMetricFamily("appliance_sql_queries_running", "SQL queries that run or wait.", value=counts.running)
    queries = CounterMetricFamily(
        "appliance_sql_queries", "SQL queries by outcome: `answered`, or the error's code.", labels=["outcome"]
    )
    for outcome, count in counts.outcomes.copy().items():
        queries.add_metric([outcome], count)
    yield queries
