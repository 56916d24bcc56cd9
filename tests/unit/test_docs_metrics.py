"""Metrics are documented: those of the catalogue, and those for Prometheus."""

from __future__ import annotations

from pathlib import Path

from appliance.analytics.catalogue import ALERT_RATIOS, METRICS, metrics_table
from appliance.api import reference

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_metric_is_told() -> None:
    """docs/metrics.md has each metric, and the catalogue's own table as it is now."""
    page = (DOCS / "metrics.md").read_text("utf-8")
    assert [] == [name for name in (*METRICS, *ALERT_RATIOS) if f"`{name}`" not in page]
    assert metrics_table() in page


def test_every_metric_of_a_scrape_is_told() -> None:
    """docs/operations.md has each Prometheus metric, those without a value yet included."""
    page = (DOCS / "operations.md").read_text("utf-8")
    names = {family.name for family in reference.families()}
    assert {"appliance_events_total", "appliance_free_bytes", "appliance_job_runs_total"} <= names
    assert [] == [name for name in names if f"`{name}`" not in page]
    assert reference.metrics_table() in page


def test_kinds_and_labels_are_those_of_the_metric() -> None:
    """The table is read from the source as a scrape shows it: counters end in _total, labels are named."""
    families = {family.name: family for family in reference.families()}
    runs = reference.Family(
        "appliance_job_runs_total", "counter", "Runs of each job by outcome.", labels=("job", "outcome")
    )
    assert runs == families["appliance_job_runs_total"]
    assert "gauge" == families["appliance_wal_bytes"].kind
