"""The rollups as a follower of the log: it stands where its cursor stands, and goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar

import duckdb

from appliance.rollups.merge import apply_batch, count_behind, read_batch
from appliance.rollups.state import fits, load, settle

T = TypeVar("T")

BATCH_EVENTS: Final = 200_000


class Readable(Protocol):
    """What the rollups need of the log for reading."""

    def reader(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A cursor of the calling thread's own, outside of any transaction, its zone UTC."""


class Runner(Protocol):
    """What the rollups need of the writer."""

    def run(self, job: Callable[[duckdb.DuckDBPyConnection], T], /) -> Future[T]:
        """Run the job in one transaction: committed when it returns, rolled back when it raises."""


@dataclass(frozen=True)
class Advanced:
    """What ``advance`` did: events counted, and how many have come meanwhile and still wait."""

    events: int
    behind: int


def advance(
    log: Readable,
    writer: Runner,
    *,
    levels: Collection[str],
    minute_horizon_us: int,
    batch_events: int = BATCH_EVENTS,
    stopping: Callable[[], bool] = lambda: False,
) -> Advanced:
    """Count the events after the cursor into the rollups, batch by batch, up to the end it has when last read.

    ``levels`` are those of the settings. ``minute_horizon_us`` says from when minutes are kept when the
    rollups begin anew; later it moves by ``trim`` alone. Memory is bounded by ``batch_events``; between batches
    ``stopping`` is asked whether to leave the rest for later. Blocks: never call it in the writer's thread.
    Raises what the log and the writer raise; each batch done before stays.
    """
    _settle(log, writer, levels, minute_horizon_us)
    events, at_end = 0, False
    while not at_end and not stopping():
        counted, at_end = step(log, writer, batch_events)
        events += counted
    with log.reader() as cursor:
        return Advanced(events, count_behind(cursor))


def step(log: Readable, writer: Runner, batch_events: int) -> tuple[int, bool]:
    """Count one batch: how many events it had, and whether it reached the log's end as it was when read.

    ``(0, False)`` when something changed between reading and writing, so that it must be read again.
    """
    with log.reader() as cursor:
        batch = read_batch(cursor, batch_events)
    if batch is None:
        return 0, True
    applied = writer.run(partial(apply_batch, batch=batch)).result()
    return (batch.events, batch.at_end) if applied else (0, False)


def _settle(log: Readable, writer: Runner, levels: Collection[str], minute_horizon_us: int) -> None:
    with log.reader() as cursor:
        state = load(cursor)
    if not fits(state, levels):
        writer.run(partial(settle, levels=levels, minute_horizon_us=minute_horizon_us)).result()
