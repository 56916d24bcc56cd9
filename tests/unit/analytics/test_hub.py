"""The snapshot hub: one computation for everyone, never older than it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from appliance.analytics.hub import HubOptions, Snapshot, SnapshotHub
from appliance.clock import SystemClock
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.testing import START_US, SettableClock, make_row


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def log(clock: SettableClock) -> Iterator[DuckDBLog]:
    made = DuckDBLog(None, clock)
    yield made
    made.close()


def test_a_question_is_answered_from_the_present(log: DuckDBLog, clock: SettableClock) -> None:
    """Events committed before the question count, though the snapshot before it is young."""
    hub = SnapshotHub(log, clock, HubOptions())
    before = hub.current()
    log.append([Batch([make_row("email_sent", timestamp_us=START_US)])])
    after = hub.current()

    assert 0 == before.figures["metrics"]["total_sends_1h"]["value"]
    assert 1 == after.figures["metrics"]["total_sends_1h"]["value"]
    assert before.version + 1 == after.version


def test_a_subscriber_that_fails_is_nobody_elses_trouble(log: DuckDBLog) -> None:
    """The others hear of each snapshot, and the hub goes on."""

    def fail(_snapshot: Snapshot) -> None:
        raise RuntimeError("the loop is closed")

    heard = threading.Semaphore(0)
    hub = SnapshotHub(log, SystemClock(), HubOptions(interval_seconds=0.01))
    hub.subscribe(fail)
    hub.subscribe(lambda _snapshot: heard.release())
    hub.start()

    assert all(heard.acquire(timeout=20) for _ in range(3))
    hub.stop()


def test_a_young_snapshot_serves_everyone(log: DuckDBLog, clock: SettableClock) -> None:
    """Without news the same snapshot is handed out again, until it is too old."""
    hub = SnapshotHub(log, clock, HubOptions())
    first = hub.current()
    clock.advance(1)
    second = hub.current()
    clock.advance(1)
    third = hub.current()

    assert first is second
    assert first.version + 1 == third.version
    assert clock.now_us() == third.as_of_us


def test_a_clock_set_back_makes_a_new_snapshot(log: DuckDBLog, clock: SettableClock) -> None:
    """A snapshot from the future is not shown as present."""
    hub = SnapshotHub(log, clock, HubOptions())
    hub.current()
    clock.set(START_US - 3_600_000_000)

    assert START_US - 3_600_000_000 == hub.current().as_of_us


def test_the_first_events_show_everywhere_at_once(log: DuckDBLog, clock: SettableClock) -> None:
    """When an empty log gets its first events the slow parts don't wait for their turn."""
    hub = SnapshotHub(log, clock, HubOptions())
    hub.current()
    log.append([Batch([make_row("email_sent", timestamp_us=START_US, campaign_id="welcome")])])

    assert ["welcome"] == [row["campaign_id"] for row in hub.current().figures["campaigns"]]


def test_the_encoded_form_is_the_figures(log: DuckDBLog, clock: SettableClock) -> None:
    """Whoever reads the JSON sees what the API answers, and which position of the log it counts."""
    log.append([Batch([make_row()])])
    snapshot = SnapshotHub(log, clock, HubOptions()).current()

    assert snapshot.figures == json.loads(snapshot.encoded)
    assert str(log.tail()) == snapshot.figures["position"]


def test_subscribers_get_each_snapshot_until_they_leave(log: DuckDBLog) -> None:
    """A running hub calls its subscribers, and none that has left."""
    hub = SnapshotHub(log, SystemClock(), HubOptions(interval_seconds=0.01))
    seen: list[Snapshot] = []
    twice = threading.Event()

    def look(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        if len(seen) == 2:
            twice.set()

    leave = hub.subscribe(look)
    hub.start()
    assert twice.wait(20)
    leave()
    hub.stop()

    assert [1, 2] == [snapshot.version for snapshot in seen[:2]]


def test_an_idle_hub_computes_nothing(log: DuckDBLog) -> None:
    """Without a viewer or a question no snapshot is made."""
    hub = SnapshotHub(log, SystemClock(), HubOptions(interval_seconds=0.01))
    hub.start()
    threading.Event().wait(0.2)
    hub.stop()

    assert hub.latest() is None
