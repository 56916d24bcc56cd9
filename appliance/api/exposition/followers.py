"""What follows the log, and the jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance.adapters.state import MirrorStatus
from appliance.api.parts import Parts
from appliance.clock import SECOND_US


def metrics(parts: Parts) -> Iterator[Metric]:
    yield from _lags(parts)
    yield from _jobs(parts)


def _lags(parts: Parts) -> Iterator[Metric]:
    statuses = parts.mirrors.status()
    lags = {"rollups": parts.rollup_lag()}
    lags |= {name: (status.lag_events, status.lag_seconds) for name, status in statuses.items()}
    if parts.kafka is not None:
        kafka = parts.kafka.status()
        lags["kafka"] = (kafka.lag_events, kafka.lag_seconds)
    events = GaugeMetricFamily("appliance_lag_events", "Events a follower is behind.", labels=["part"])
    seconds = GaugeMetricFamily("appliance_lag_seconds", "Seconds a follower is behind.", labels=["part"])
    for name, (lag_events, lag_seconds) in lags.items():
        events.add_metric([name], lag_events)
        seconds.add_metric([name], lag_seconds)
    yield from (events, seconds)
    yield from _mirrors(statuses)


def _mirrors(statuses: Mapping[str, MirrorStatus]) -> Iterator[Metric]:
    up = GaugeMetricFamily("appliance_mirror_up", "1 while a mirror's target takes what it is given.", labels=["part"])
    mirrored = CounterMetricFamily("appliance_mirrored_events", "Events given to a mirror's target.", labels=["part"])
    refused = GaugeMetricFamily(
        "appliance_mirror_dead_letters", "Events that a mirror's target refused for good.", labels=["part"]
    )
    for name, status in statuses.items():
        up.add_metric([name], float(status.state == "up"))
        mirrored.add_metric([name], status.mirrored)
        refused.add_metric([name], status.refused)
    yield from (up, mirrored, refused)


def _jobs(parts: Parts) -> Iterator[Metric]:
    states = parts.job_states()
    runs = CounterMetricFamily("appliance_job_runs", "Runs of each job by outcome.", labels=["job", "outcome"])
    failing = GaugeMetricFamily("appliance_job_failing", "1 while a job's last run failed.", labels=["job"])
    running = GaugeMetricFamily("appliance_job_running", "1 while a job is at work.", labels=["job"])
    lasted = GaugeMetricFamily(
        "appliance_job_last_duration_seconds", "What the last run of a job took.", labels=["job"]
    )
    succeeded = GaugeMetricFamily(
        "appliance_job_last_success_timestamp_seconds",
        "When a job last succeeded, since the start; missing before.",
        labels=["job"],
    )
    for name, state in states.items():
        for outcome, count in state.outcomes.items():
            runs.add_metric([name, outcome], count)
        failing.add_metric([name], float(state.last is not None and state.last.outcome == "failed"))
        running.add_metric([name], float(state.running))
        if state.last is not None:
            lasted.add_metric([name], (state.last.finished_us - state.last.started_us) / SECOND_US)
        if state.last_done_us is not None:
            succeeded.add_metric([name], state.last_done_us / SECOND_US)
    yield from (runs, failing, running, lasted, succeeded)
