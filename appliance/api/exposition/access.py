"""Who was turned away, who is signed in, and what administrators did."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance.api.parts import Parts


def metrics(parts: Parts) -> Iterator[Metric]:
    refused = CounterMetricFamily(
        "appliance_refused_callers",
        "Requests to the API turned away at the door; `foreign`: by their Host, Origin or proxy.",
        labels=["code"],
    )
    for code, count in parts.access.door.counts.refused.copy().items():
        refused.add_metric([code], count)
    yield refused
    yield GaugeMetricFamily("appliance_sessions", "Sign-ins at the dashboard.", value=parts.access.sessions.count())
    actions = CounterMetricFamily(
        "appliance_audit_actions", "Actions written to the audit log, by name.", labels=["action"]
    )
    for action, count in parts.access.audit.counts.copy().items():
        actions.add_metric([action], count)
    yield actions
