"""Kill the appliance, and its mirrors' services, while clients send; then compare the mirrors with the log."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from appliance.clock import SystemClock
from tests.acceptance.stubborn_client import StubbornClient
from tests.integration.mirror_conformance import Event, plain
from tests.integration.postgres_target import PostgresTarget
from tests.integration.redis_target import RedisTarget, recounted
from tests.process import ApplianceProcess

_PATIENCE_SECONDS: Final = 120.0
_COLUMNS: Final = ("event_type", "user_id", "timestamp", "properties", "session_id", "campaign_id", "event_id")


@dataclass(frozen=True, slots=True)
class Plan:
    """How often to kill the appliance, and each how many rounds a service too; where it listens."""

    rounds: int
    port: int
    ui_port: int
    clients: int = 4
    kill_service_every: int = 3
    seed: int = 0


@dataclass(slots=True)
class Outcome:
    """What came of it; ``faults`` is empty when each mirror equals the log."""

    kills: int = 0
    service_kills: int = 0
    stored: int = 0
    rows_in_postgresql: int = 0
    counters_in_redis: int = 0
    faults: list[str] = field(default_factory=list)


class RecentClient(StubbornClient):
    """Sends what happened lately or long ago: nothing that comes of the age at which Redis stops counting meanwhile."""

    def _event(self, event_id: str) -> dict[str, Any]:
        age = self._rng.choice(
            (self._rng.uniform(0, 600), self._rng.uniform(7_200, 36_000), self._rng.uniform(2e5, 3e5))
        )
        return super()._event(event_id) | {"timestamp": time.time() - age}


class MirrorKillLoop:
    """One run of ``Plan`` in ``folder``, which is empty, with two empty targets."""

    def __init__(self, plan: Plan, folder: Path, redis: RedisTarget, postgres: PostgresTarget) -> None:
        self._plan = plan
        self._rng = random.Random(plan.seed)
        self._redis, self._postgres = redis, postgres
        self._data = folder / "data"
        self._appliance = ApplianceProcess(
            self._data,
            port=plan.port,
            ui_port=plan.ui_port,
            output=folder / "output.txt",
            environment=_settings(redis, postgres),
        )
        self._stop = threading.Event()
        self._clients = [RecentClient(plan.port, number, self._stop) for number in range(plan.clients)]
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """All rounds, a last clean start that catches up, and the comparison."""
        with self._appliance:
            for client in self._clients:
                client.start()
            try:
                for number in range(1, self._plan.rounds + 1):
                    self._round(number)
                self._finish()
            finally:
                self._stop.set()
        self._compare()
        return self.outcome

    def _round(self, number: int) -> None:
        self._appliance.start()
        self._appliance.wait_ready()
        time.sleep(self._rng.uniform(0, 3))
        if number % self._plan.kill_service_every == 0:
            service = self._rng.choice((self._redis.service, self._postgres.service))
            service.kill()
            self.outcome.service_kills += 1
            time.sleep(self._rng.uniform(0, 1))
            service.start()
        self._appliance.kill()
        self.outcome.kills += 1

    def _finish(self) -> None:
        self._appliance.start()
        self._appliance.wait_ready()
        self._stop.set()
        for client in self._clients:
            client.join(60)
            self.outcome.faults += client.faults
        if not self._caught_up():
            self.outcome.faults.append(f"not caught up within {_PATIENCE_SECONDS:g} s: {self._parts()}")
        if (status := self._appliance.stop()) != 0:
            self.outcome.faults.append(f"SIGTERM ended it with {status}: {self._appliance.last_words()}")

    def _caught_up(self) -> bool:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            parts = self._parts()
            if all(parts[name]["status"] == "up" and not parts[name]["lag_events"] for name in ("redis", "postgresql")):
                return True
            time.sleep(0.1)
        return False

    def _parts(self) -> dict[str, dict[str, Any]]:
        parts: dict[str, dict[str, Any]] = json.loads(self._appliance.get("/ready")[1])["parts"]
        return parts

    def _compare(self) -> None:
        events = _log(self._data)
        rows, counters = self._postgres.rows(), self._redis.counters()
        told = self.outcome
        told.stored, told.rows_in_postgresql, told.counters_in_redis = len(events), len(rows), len(counters)
        listed = sorted((_row(event) for event in events), key=lambda row: row["event_id"])
        if listed != rows:
            told.faults.append(f"PostgreSQL differs from the log: {_difference(_by_id(listed), _by_id(rows))}")
        counted = recounted(events, SystemClock().now_us())
        if counted != counters:
            told.faults.append(f"Redis differs from a recount: {_difference(counted, counters)}")
        if len(rows) != len(_by_id(rows)):
            told.faults.append("PostgreSQL holds an event twice")


def _settings(redis: RedisTarget, postgres: PostgresTarget) -> dict[str, str]:
    return {
        "APPLIANCE__REDIS__HOST": "127.0.0.1",
        "APPLIANCE__REDIS__PORT": str(redis.service.port),
        "APPLIANCE__POSTGRESQL__HOST": "127.0.0.1",
        "APPLIANCE__POSTGRESQL__PORT": str(postgres.service.port),
        "APPLIANCE__POSTGRESQL__DATABASE": "postgres",
        "APPLIANCE__POSTGRESQL__USER": postgres.name,
        # many small batches, so that kills meet them
        "APPLIANCE__REDIS__BATCH_EVENTS": "100",
        "APPLIANCE__POSTGRESQL__BATCH_EVENTS": "100",
    }


def _log(data: Path) -> list[Event]:
    """Every event in the log of a stopped appliance."""
    connection = duckdb.connect(str(data / "events.duckdb"), read_only=True)
    try:
        found: list[Event] = connection.execute("SELECT * FROM events ORDER BY seq").to_arrow_table().to_pylist()
    finally:
        connection.close()
    return found


def _row(event: Event) -> Event:
    shown = plain(event)
    return {name: shown[name] for name in _COLUMNS}


def _by_id(rows: list[Event]) -> dict[str, Event]:
    return {row["event_id"]: row for row in rows}


def _difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    missing, added = expected.keys() - found.keys(), found.keys() - expected.keys()
    other = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    examples = ", ".join(f"{key}: {expected.get(key)} != {found.get(key)}" for key in [*missing, *added, *other][:3])
    return f"{len(missing)} missing, {len(added)} too many, {len(other)} different ({examples})"
