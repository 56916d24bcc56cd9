"""A mirror that runs as in the appliance, in its own thread, beside a log that a test writes to."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from appliance.adapters.backoff import Backoff
from appliance.adapters.protocol import Mirror
from appliance.adapters.runner import Runner, RunnerOptions
from appliance.adapters.state import MirrorStatus
from appliance.clock import DAY_US, SystemClock
from appliance.events.row import Row
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.store.control import ControlStore
from appliance.store.mirrors import MirrorStore
from appliance.testing import make_row
from tests.integration.mirror_conformance import Event

PATIENCE_SECONDS: Final = 90.0
_TYPES: Final = ("email_sent", "email_opened", "email_clicked", "conversion", "custom:of-a-team")


class RunningMirror:
    """A log, a runner and what they are made of. Tries again soon: back-off is for others to test."""

    def __init__(self, make: Callable[[], Mirror], folder: Path, batch_events: int) -> None:
        self.control = ControlStore(folder / "control.sqlite")
        self.log = DuckDBLog(None, SystemClock())
        self.store = MirrorStore(self.control, SystemClock())
        options = RunnerOptions(batch_events, backoff=lambda: Backoff(most=1.0))
        self.runner = Runner("mirror", make, self.log, self.store, SystemClock(), options)

    @classmethod
    @contextmanager
    def of(cls, make: Callable[[], Mirror], folder: Path, batch_events: int = 500) -> Iterator[RunningMirror]:
        running = cls(make, folder, batch_events)
        running.runner.start()
        try:
            yield running
        finally:
            running.runner.ask_to_stop()
            assert running.runner.join(PATIENCE_SECONDS)
            running.log.close()
            running.control.close()

    @property
    def status(self) -> MirrorStatus:
        return self.runner.status()

    def append(self, rows: list[Row]) -> None:
        self.log.append([Batch(rows)])

    def events(self) -> list[Event]:
        """All that is in the log."""
        found: list[Event] = self.log.read(None, 10_000_000)[0].to_pylist()
        return found

    def catch_up(self) -> None:
        """Wait until the target holds everything."""
        self.until(lambda: self.status.state == "up" and self.status.lag_events == 0)

    def until_down(self, words: str = "") -> str:
        """Wait until it is down and says these words of why; returns all that it says."""
        self.until(lambda: self.status.state == "down" and words in (self.status.error or ""))
        return self.status.error or ""

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.status
            time.sleep(0.02)


def some_rows(count: int, seed: int = 0, users: int = 50) -> list[Row]:
    """Events of some people in the last minutes and of yesterday, as they come in: without order."""
    rng = random.Random(seed)
    now_us = SystemClock().now_us()
    return [_row(rng, now_us - rng.choice((1, 1, 1, 30)) * rng.randrange(DAY_US // 48), users) for _ in range(count)]


def _row(rng: random.Random, at_us: int, users: int) -> Row:
    properties: dict[str, Any] = {"number": rng.randrange(1_000), "text": "ü" * rng.randrange(40)}
    campaign = f"c{rng.randrange(4)}" if rng.random() < 0.7 else None
    return make_row(
        rng.choice(_TYPES), f"user-{rng.randrange(users)}", at_us, properties=properties, campaign_id=campaign
    )
