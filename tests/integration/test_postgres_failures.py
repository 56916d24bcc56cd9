"""PostgreSQL's mirror while everything goes wrong that can: in the end the table is the log."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from appliance.adapters.protocol import Misconfigured, Unreachable
from tests.acceptance.small_disk import SmallDisk
from tests.integration.mirror_conformance import plain
from tests.integration.postgres_target import PostgresTarget
from tests.integration.running_mirror import RunningMirror, some_rows
from tests.services.direction import Direction
from tests.services.fixtures import StartService
from tests.services.postgresql import PostgreSQL


@pytest.fixture
def target(postgres: PostgreSQL) -> Iterator[PostgresTarget]:
    """A schema of the test's own."""
    with PostgresTarget.made_on(postgres) as target:
        yield target


def _log_as_rows(running: RunningMirror) -> list[dict[str, Any]]:
    names = ("event_type", "user_id", "timestamp", "properties", "session_id", "campaign_id", "event_id")
    rows = [plain(event) for event in running.events()]
    return sorted(({name: row[name] for name in names} for row in rows), key=lambda row: row["event_id"])


def _is_cut_or_caught_up(way: Direction, running: RunningMirror) -> bool:
    return not way.cut_is_due or running.status.lag_events == 0


def test_a_server_that_is_stopped_under_load(target: PostgresTarget, tmp_path: Path) -> None:
    """Events that come while it is away are there when it is back."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        running.append(some_rows(2_000))
        running.catch_up()
        target.service.stop()
        for number in range(10):
            running.append(some_rows(500, seed=number))
        running.until_down()
        assert 5_000 == running.status.lag_events
        target.service.start()
        running.catch_up()
        assert _log_as_rows(running) == target.rows()


@pytest.mark.slow
def test_a_server_that_is_killed_in_the_middle_of_batches(target: PostgresTarget, tmp_path: Path) -> None:
    """SIGKILL at random moments of catching up neither loses nor doubles a row."""
    rng = random.Random(7)
    with RunningMirror.of(target.connect, tmp_path, batch_events=200) as running:
        for number in range(5):
            running.append(some_rows(6_000, seed=number))
            time.sleep(rng.uniform(0.05, 0.5))
            target.service.kill()
            target.service.start()
        running.catch_up()
        assert _log_as_rows(running) == target.rows()


@pytest.mark.slow
def test_a_connection_that_breaks_anywhere(target: PostgresTarget, tmp_path: Path) -> None:
    """Cut after any number of bytes, of an order or of an answer to it, whether the commit was done or not."""
    rng = random.Random(3)
    with target.service.proxy() as proxy:
        make = partial(target.connect, port=proxy.port)
        with RunningMirror.of(make, tmp_path, batch_events=50) as running:
            for number in range(30):
                way, most = rng.choice(((proxy.up, 30_000), (proxy.down, 1_500)))
                way.cut_after(rng.randrange(1, most))
                running.append(some_rows(200, seed=number))
                running.until(partial(_is_cut_or_caught_up, way, running))
            running.catch_up()
            assert _log_as_rows(running) == target.rows()
            assert proxy.accepted > 10


def test_a_way_that_is_slow_and_then_silent(
    target: PostgresTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow server is caught up with; one that doesn't answer is down, though no connection breaks."""
    monkeypatch.setattr("appliance.adapters.postgres_session._GRACE_SECONDS", -27)
    with target.service.proxy() as proxy:
        make = partial(target.connect, port=proxy.port)
        with RunningMirror.of(make, tmp_path) as running:
            proxy.down.delay_seconds = 0.05
            proxy.up.bytes_per_second = 500_000
            running.append(some_rows(1_000))
            running.catch_up()
            proxy.down.silent = True
            running.append(some_rows(100))
            assert "in time" in running.until_down()
            proxy.restore()
            running.catch_up()
            assert _log_as_rows(running) == target.rows()


@pytest.mark.slow
def test_a_disk_that_is_full(start_service: StartService, tmp_path: Path) -> None:
    """It is down and says so; with room again it goes on, and each row is there once."""
    service = start_service(PostgreSQL, {"max_wal_size": "32MB", "min_wal_size": "32MB"}, disk_mebibytes=110)
    with PostgresTarget.made_on(service) as target, RunningMirror.of(target.connect, tmp_path, 5_000) as running:
        number = 0
        while running.status.state != "down" or "reached yet" in (running.status.error or ""):
            running.append(some_rows(10_000, seed=number))
            number += 1
            running.until(lambda: running.status.lag_events < 10_000 or running.status.state == "down")
            assert number < 200
        assert running.status.error
        SmallDisk(service.data).enlarge(700)
        # a server that can't write its own log ends
        service.start()
        running.catch_up()
        assert _log_as_rows(running) == target.rows()


def test_a_standby(target: PostgresTarget, tmp_path: Path) -> None:
    """A server that takes no writes is down, and says why; it goes on when it does."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        running.append(some_rows(100))
        running.catch_up()
        try:
            target.service.options["default_transaction_read_only"] = "on"
            target.service.reload()
            running.append(some_rows(100, seed=1))
            assert "takes no writes now" in running.until_down()
        finally:
            del target.service.options["default_transaction_read_only"]
            target.service.reload()
        running.catch_up()
        assert _log_as_rows(running) == target.rows()


def test_a_table_that_is_taken_away(target: PostgresTarget, tmp_path: Path) -> None:
    """A dropped table is made anew from the first event on; a dropped index or cursor costs nothing either."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        for number, change in enumerate(
            (
                "DROP TABLE analytics_events",
                "ALTER TABLE analytics_events DROP CONSTRAINT analytics_events_event_id_key",
                "DROP TABLE analytics_events_mirror",
                "DELETE FROM analytics_events_mirror",
            )
        ):
            running.append(some_rows(700, seed=number))
            running.catch_up()
            target.tell(change)
            running.append(some_rows(10, seed=number))
            running.catch_up()
            running.until(lambda: _log_as_rows(running) == target.rows())


def test_somebody_who_holds_the_table(target: PostgresTarget, tmp_path: Path) -> None:
    """A lock of another is waited for with a bound, and told."""
    with RunningMirror.of(target.connect, tmp_path) as running:
        running.append(some_rows(100))
        running.catch_up()
        with target.connection() as other, other.transaction():
            other.execute("LOCK TABLE analytics_events")
            running.append(some_rows(100, seed=1))
            assert "lock" in running.until_down()
        running.catch_up()
        assert _log_as_rows(running) == target.rows()


def test_a_wrong_password(start_service: StartService) -> None:
    """A refused login is a matter of the configuration, and neither it nor the error shows the password."""
    service = start_service(PostgreSQL)
    with PostgresTarget.made_on(service) as target:
        target.tell("CREATE ROLE known LOGIN SUPERUSER PASSWORD 'the right one'")
        hba = service.folder / "hba.conf"
        hba.write_text("host all known 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n", "utf-8")
        hba.chmod(0o644)
        service.options["hba_file"] = str(hba)
        service.restart()
        mirror = target.connect(user="known", password=SecretStr("opensesame"))
        with pytest.raises(Misconfigured, match="password authentication failed") as told:
            mirror.setup()
        assert "opensesame" not in told.value.message
        target.connect(user="known", password=SecretStr("the right one")).setup()
        with pytest.raises(Misconfigured, match="does not support SSL"):
            target.connect(sslmode="require").setup()
        with pytest.raises(Misconfigured, match='database "nowhere" does not exist'):
            target.connect(database="nowhere").setup()


def test_nobody_there(target: PostgresTarget) -> None:
    """Where nobody listens, or names lead nowhere, it is unreachable."""
    with target.service.proxy() as proxy:
        port = proxy.port
    with pytest.raises(Unreachable, match="refused"):
        target.connect(port=port).setup()
    with pytest.raises(Unreachable):
        target.connect(host="no-such-host.invalid").setup()
