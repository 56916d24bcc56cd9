"""Events that come in, and the commits that make them durable."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from appliance.api.exposition.buckets import buckets
from appliance.api.parts import Parts
from appliance.clock import SECOND_US


def metrics(parts: Parts) -> Iterator[Metric]:
    yield from _outcomes(parts)
    yield from _commits(parts)
    yield from _queue(parts)
    yield from _dead_letters(parts)


def _outcomes(parts: Parts) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "appliance_events", "Events by what became of them and the way they came in.", labels=["outcome", "source"]
    )
    for source, outcomes in parts.writer.counts.by_source.copy().items():
        events.add_metric(["accepted", source], outcomes.accepted)
        events.add_metric(["duplicate", source], outcomes.duplicate)
        events.add_metric(["rejected", source], outcomes.rejected)
    yield events
    counts = parts.ingest.counts
    rejected = CounterMetricFamily(
        "appliance_rejected_events", "Events rejected in `POST /v1/events`, by code.", labels=["code"]
    )
    for code, count in counts.rejected.copy().items():
        rejected.add_metric([code], count)
    yield rejected
    refused = CounterMetricFamily(
        "appliance_refused_bodies", "Bodies of `POST /v1/events` refused as a whole, by code.", labels=["code"]
    )
    for code, count in counts.refused.copy().items():
        refused.add_metric([code], count)
    yield refused
    since_us = parts.log.covered_since_us()
    span = 0.0 if since_us is None else (parts.clock.now_us() - since_us) / SECOND_US
    yield GaugeMetricFamily(
        "appliance_dedup_span_seconds", "How far back event ids are known for de-duplication.", value=span
    )


def _commits(parts: Parts) -> Iterator[Metric]:
    counts = parts.writer.counts
    yield HistogramMetricFamily(
        "appliance_commit_duration_seconds",
        "What a group commit takes.",
        buckets=buckets(counts.commit_durations),
        sum_value=counts.commit_durations.seconds,
    )
    yield CounterMetricFamily("appliance_commit_failures", "Group commits that failed.", value=counts.failures)
    yield GaugeMetricFamily(
        "appliance_commit_failing",
        "1 from a failed commit to the next that succeeds.",
        value=float(counts.last_failure is not None),
    )


def _queue(parts: Parts) -> Iterator[Metric]:
    budget = parts.ingest.budget
    yield GaugeMetricFamily(
        "appliance_queue_bytes", "Bytes undecoded or waiting for their commit.", value=budget.taken_bytes
    )
    yield GaugeMetricFamily(
        "appliance_queue_limit_bytes", "Bytes from which on bodies are refused.", value=budget.limit_bytes
    )
    yield GaugeMetricFamily(
        "appliance_waiting_batches", "Batches that wait for their commit.", value=parts.writer.waiting()
    )


def _dead_letters(parts: Parts) -> Iterator[Metric]:
    stock = parts.log.dead_letters.stock
    yield GaugeMetricFamily("appliance_dead_letters", "Dead letters kept.", value=stock.rows)
    yield GaugeMetricFamily(
        "appliance_dead_letters_bytes", "Bytes of the payloads of dead letters kept.", value=stock.payload_bytes
    )
    yield CounterMetricFamily(
        "appliance_dead_letters_dropped",
        "Dead letters let go because they were too many, too large or too old, since the log was made.",
        value=stock.dropped,
    )
    yield CounterMetricFamily(
        "appliance_dead_letters_replayed", "Dead letters replayed, since the log was made.", value=stock.replayed
    )
