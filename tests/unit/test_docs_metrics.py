"""Metrics are documented: those of the catalogue, and those for Prometheus."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from appliance.analytics.catalogue import ALERT_RATIOS, METRICS, metrics_table
from appliance.api import reference

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_every_metric_is_told() -> None:
    """docs/metrics.md has each metric, and the catalogue's own table as it is now."""
    page = (DOCS / "metrics.md").read_text("utf-8")
    assert [] == [name for name in (*METRICS, *ALERT_RATIOS) if f"`{name}`" not in page]
    assert metrics_table() in page


def test_every_metric_of_a_scrape_is_told() -> None:
    """docs/operations.md has each Prometheus metric, those without a value yet included."""
    page = (DOCS / "operations.md").read_text("utf-8")
    names = {family.name for family in reference.families()}
    assert {"appliance_events_total", "appliance_disk_free_bytes", "appliance_job_runs_total"} <= names
    assert [] == [name for name in names if f"`{name}`" not in page]
    assert reference.metrics_table() in page


def test_kinds_and_labels_are_those_of_the_metric() -> None:
    """The table is read from the source as a scrape shows it: counters end in _total, labels are named."""
    families = {family.name: family for family in reference.families()}
    runs = reference.Family(
        "appliance_job_runs_total", "counter", "Runs of each job by outcome.", labels=("job", "outcome")
    )
    assert runs == families["appliance_job_runs_total"]
    assert "gauge" == families["appliance_disk_bytes"].kind


def _watching() -> str:
    page = (DOCS / "operations.md").read_text("utf-8")
    return page.partition("\n## Watching it\n")[2].partition("\n## ")[0]


def test_the_rules_to_watch_by_name_metrics_that_there_are() -> None:
    """The example rules are YAML as Prometheus takes it, and a metric that was renamed is not left in them."""
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.+?)```", _watching(), re.DOTALL)]
    rules: list[dict[str, Any]] = [
        rule for block in blocks for group in block.get("groups", ()) for rule in group["rules"]
    ]
    assert 9 < len(rules)
    assert all({"alert", "expr", "annotations"} <= rule.keys() for rule in rules)
    known = {
        name
        for family in reference.families()
        for name in (family.name, *(f"{family.name}_{part}" for part in ("bucket", "count", "sum")))
    }
    named = {name for rule in rules for name in re.findall(r"\bappliance_\w+", rule["expr"])}
    assert set() == named - known


def test_the_lines_of_the_log_that_are_told_are_logged() -> None:
    """Each event in the table of log lines is one that the code writes."""
    told = re.findall(r"`(.+?)`", "".join(re.findall(r"^\| (`.+?) \|", _watching(), re.MULTILINE)))
    code = "".join(path.read_text("utf-8") for path in (ROOT / "appliance").rglob("*.py"))
    assert {"started", "a request failed"} <= set(told)
    assert [] == [event for event in told if f'"{event}"' not in code]
