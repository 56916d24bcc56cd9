"""What the measurements are fed with is what they say it is; the measuring itself is never a test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.clock import DAY_US, MINUTE_US, SystemClock
from appliance.events.batch import judge, split
from appliance.events.normalise import Intake
from appliance.events.parsed import WireLimits
from appliance.testing import START_US
from tests.bench.plain_duckdb import inserts_per_second, open_plain
from tests.bench.report import Figure, Report
from tests.bench.synthetic import DAYS, Synthetic
from tests.bench.wire_events import bodies, request


@pytest.mark.parametrize("ids", [False, True])
def test_every_wire_event_is_accepted(ids: bool) -> None:
    """The load consists of valid events of about 300 bytes, so that a refusal is the appliance's fault."""
    (body,) = bodies(1, 500, ids=ids)
    now_us = SystemClock().now_us() + MINUTE_US
    intake = Intake(received_us=now_us, source="http", base_currency="USD", oldest_us=None, latest_us=now_us)
    judged = judge(split(body, "json", 500), WireLimits(), intake)
    assert (500, []) == (len(judged.rows), judged.rejected)
    assert 250 <= len(body) / 500 <= 350


def test_ids_differ_between_rounds() -> None:
    """No round sends an id that an earlier one sent: a duplicate would be cheaper than an event."""
    sent = [json.loads(body)["event_id"] for seed in (1, 2) for body in bodies(200, 1, ids=True, seed=seed)]
    assert len(sent) == len(set(sent))


def test_a_request_states_its_length() -> None:
    """The rendered request ends with exactly the bytes its head announces."""
    head, _, body = request(b'{"a":1}').partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    assert head.endswith(b"Content-Length: 7")


def test_synthetic_tables_fit_the_log(tmp_path: Path) -> None:
    """Every chunk goes into the log's own table, and the events cover the thirty days up to now."""
    connection = open_plain(tmp_path / "log.duckdb")
    for table in Synthetic(5_000, now_us=START_US).tables(chunk=2_000):
        connection.register("incoming", table)
        connection.execute("INSERT INTO events SELECT * FROM incoming")
    counted = connection.execute(
        "SELECT count(*), count(DISTINCT event_id), max(seq), epoch_us(max(received_at)), "
        "count(*) FILTER (WHERE (amount IS NULL) <> (currency IS NULL)) FROM events"
    ).fetchone()
    first = connection.execute("SELECT epoch_us(min(timestamp)) FROM events").fetchall()[0][0]
    connection.close()
    assert counted == (5_000, 5_000, 5_000, START_US, 0)
    assert abs(first - (START_US - DAYS * DAY_US)) < DAY_US


def test_plain_duckdb_leaves_nothing_behind(tmp_path: Path) -> None:
    """The baseline inserts every row and removes its file."""
    (table,) = Synthetic(500, now_us=START_US).tables()
    assert inserts_per_second(tmp_path / "plain.duckdb", table, 100) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_target_is_held_against_the_median() -> None:
    """One good round does not make a target met."""
    assert Figure("g", "n", [90, 120, 95], "events/s", "more", 100).met is False
    assert Figure("g", "n", [9, 12, 9.5], "ms", "less", 10).met is True
    assert Figure("g", "n", [1], "ms", "less").met is None


def test_the_page_holds_every_figure() -> None:
    """Each figure is a line of its group's table, with its target and whether it was met."""
    report = Report({"DuckDB": "1.5.5"}, "Conditions.")
    report.add("Start", "start to ready", [1.5, 2.5], "s", target=5)
    assert "| start to ready | 2.00 s | 1.50 | ≤ 5 | yes |" in report.markdown()
