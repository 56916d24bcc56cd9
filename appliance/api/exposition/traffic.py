"""Requests to the API, and the pages that are open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from appliance.api.exposition.buckets import buckets
from appliance.api.parts import Parts


def metrics(parts: Parts) -> Iterator[Metric]:
    traffic = parts.ingest.traffic
    requests = CounterMetricFamily(
        "appliance_http_requests",
        "Requests that a route of the API has answered.",
        labels=["route", "method", "status"],
    )
    by_class: Counter[tuple[str, str, str]] = Counter()
    for (route, method, status), count in traffic.counts.copy().items():
        by_class[route, method, f"{status // 100}xx"] += count
    for labels, count in by_class.items():
        requests.add_metric(labels, count)
    yield requests
    durations = HistogramMetricFamily(
        "appliance_http_request_duration_seconds", "Until the answer begins, by route.", labels=["route"]
    )
    for route, seconds in traffic.durations.copy().items():
        durations.add_metric([route], buckets(seconds), seconds.seconds)
    yield durations
    yield GaugeMetricFamily("appliance_dashboard_viewers", "Open dashboard pages.", value=parts.viewers())
