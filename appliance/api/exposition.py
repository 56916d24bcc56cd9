"""The appliance's own metrics in the Prometheus text format, read from the parts' counters at each scrape."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.api.parts import Parts
from appliance.clock import SECOND_US


def exposition(parts: Parts) -> bytes:
    """All metrics of this process as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reading(parts))
    return generate_latest(registry)


class _Reading(Collector):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        yield from self._events()
        yield from self._writer()
        yield from self._state()
        yield from self._jobs()

    def _events(self) -> Iterator[Metric]:
        counts, ingest = self._parts.writer.counts, self._parts.ingest.counts
        events = CounterMetricFamily("appliance_events", "Events by outcome.", labels=["outcome"])
        events.add_metric(["accepted"], counts.events)
        events.add_metric(["duplicate"], counts.duplicates)
        events.add_metric(["rejected"], counts.dead_letters)
        yield events
        rejected = CounterMetricFamily("appliance_rejected_events", "Rejected events by code.", labels=["code"])
        for code, count in ingest.rejected.items():
            rejected.add_metric([code], count)
        yield rejected
        refused = CounterMetricFamily("appliance_refused_requests", "Bodies refused as a whole.", labels=["code"])
        for code, count in ingest.refused.items():
            refused.add_metric([code], count)
        yield refused
        yield CounterMetricFamily("appliance_ingest_requests", "Requests to /v1/events.", value=ingest.requests)

    def _writer(self) -> Iterator[Metric]:
        counts = self._parts.writer.counts
        yield CounterMetricFamily("appliance_commits", "Group commits.", value=counts.commits)
        yield CounterMetricFamily("appliance_commit_seconds", "Seconds spent committing.", value=counts.commit_seconds)
        yield CounterMetricFamily("appliance_commit_failures", "Group commits that failed.", value=counts.failures)
        yield CounterMetricFamily("appliance_checkpoints", "Checkpoints of the log.", value=counts.checkpoints)

    def _state(self) -> Iterator[Metric]:
        parts = self._parts
        yield GaugeMetricFamily(
            "appliance_queue_bytes",
            "Bytes undecoded or waiting for their commit.",
            value=parts.ingest.budget.taken_bytes,
        )
        yield GaugeMetricFamily("appliance_wal_bytes", "Size of the write-ahead log.", value=parts.log.wal_bytes())
        free = parts.log.space.free_bytes()
        if free is not None:
            yield GaugeMetricFamily("appliance_free_bytes", "Bytes free in the data folder.", value=free)
        since_us = parts.log.covered_since_us()
        span = 0.0 if since_us is None else (parts.clock.now_us() - since_us) / SECOND_US
        yield GaugeMetricFamily(
            "appliance_dedup_span_seconds", "How far back event ids are known for de-duplication.", value=span
        )
        yield GaugeMetricFamily("appliance_dashboard_viewers", "Open dashboard pages.", value=parts.viewers())
        lag_events, lag_seconds = parts.rollup_lag()
        events = GaugeMetricFamily("appliance_lag_events", "Events a follower is behind.", labels=["part"])
        events.add_metric(["rollups"], lag_events)
        yield events
        seconds = GaugeMetricFamily("appliance_lag_seconds", "Seconds a follower is behind.", labels=["part"])
        seconds.add_metric(["rollups"], lag_seconds)
        yield seconds

    def _jobs(self) -> Iterator[Metric]:
        failing = GaugeMetricFamily("appliance_job_failing", "1 while a job's last run failed.", labels=["job"])
        for name, state in self._parts.job_states().items():
            failing.add_metric([name], 1.0 if state.last is not None and state.last.outcome == "failed" else 0.0)
        yield failing
        runs = CounterMetricFamily("appliance_job_runs", "Runs of each job by outcome.", labels=["job", "outcome"])
        for name, state in self._parts.job_states().items():
            for outcome, count in state.outcomes.items():
                runs.add_metric([name, outcome], count)
        yield runs
