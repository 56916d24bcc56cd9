"""A log, a control store and a mirrored target, without threads: tests move the clock and the runner themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.adapters.backoff import Backoff
from appliance.adapters.memory import MemoryMirror, MemoryTarget
from appliance.adapters.runner import Runner, RunnerOptions
from appliance.events.row import Row
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.position import Position
from appliance.log.protocol import Batch
from appliance.store.control import ControlStore
from appliance.store.mirrors import MirrorStore
from appliance.testing import SettableClock, make_row

OPTIONS = RunnerOptions(batch_events=4, backoff=lambda: Backoff(uniform=lambda _low, high: high))
"""Small batches, and waits without jitter."""


@dataclass
class World:
    """Everything around one runner."""

    store: MirrorStore
    clock: SettableClock
    log: DuckDBLog
    target: MemoryTarget = field(default_factory=MemoryTarget)
    history_us: int | None = None
    made: list[MemoryMirror] = field(default_factory=list)
    removed: list[tuple[str, int]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def made_in(cls, folder: Path, kept: int = 100_000) -> Iterator[World]:
        clock = SettableClock()
        log = DuckDBLog(None, clock)
        with ControlStore(folder / "control.sqlite") as control:
            yield cls(MirrorStore(control, clock, kept), clock, log)
        log.close()

    def runner(self, options: RunnerOptions = OPTIONS) -> Runner:
        """A new runner, as after a restart of the process; its thread is not started."""

        def make() -> MemoryMirror:
            self.made.append(MemoryMirror(self.target, history_us=self.history_us))
            return self.made[-1]

        def on_erased(_name: str, user_id: str, removed: int) -> None:
            self.removed.append((user_id, removed))

        return Runner("memory", make, self.log, self.store, self.clock, options, on_erased)

    def append(self, *rows: Row) -> Position:
        self.log.append([Batch(list(rows))])
        return self.log.tail()

    def append_users(self, users: Sequence[str]) -> Position:
        """An event of each user, now."""
        return self.append(*(make_row(user_id=user, timestamp_us=self.clock.now_us()) for user in users))

    def erase_from_log(self, user: str) -> None:
        """Remove a person's events from the log, as its own erasure does."""
        self.log.database.cursor().execute("DELETE FROM events WHERE user_id = ?", [user])

    def users(self) -> list[str]:
        """Whose events the target holds, in the order in which they were applied."""
        return [event["user_id"] for event in self.target.events]

    def mirrored_once(self) -> bool:
        """Whether the target holds each event of the log once, and nothing else."""
        logged = self.log.read(None, 1_000_000)[0].column("event_id").to_pylist()
        return Counter(logged) == Counter(event["event_id"] for event in self.target.events)


def settle(runner: Runner) -> float:
    """Let a runner work until it wants to rest; returns for how long."""
    for _ in range(1_000):
        rest = runner.step()
        if rest:
            return rest
    raise AssertionError("the runner doesn't come to rest")
