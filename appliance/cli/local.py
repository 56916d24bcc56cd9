"""The data folder, opened by the command itself while no server has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.analytics.export import ExportFormat, Selection
from appliance.analytics.export_stream import export_file
from appliance.cli.target import Progress
from appliance.clock import Clock, SystemClock
from appliance.config import Settings
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.from_settings import log_options, writer_options
from appliance.log.writer import Writer
from appliance.query.decoding import decode_answer
from appliance.query.pool import SqlOptions, SqlPool
from appliance.rollups.maintenance import rebuild_rollups, verify_log


@dataclass(frozen=True, slots=True)
class Folder:
    """A ``Target`` in this process."""

    settings: Settings
    clock: Clock
    log: DuckDBLog
    writer: Writer

    def export(
        self, format_name: ExportFormat, bounds_us: tuple[int | None, int | None], write: Callable[[bytes], Any]
    ) -> int:
        counts: list[int] = []
        with self.log.reader() as cursor:
            export_file(cursor, format_name, Selection(*bounds_us), on_count=counts.append, write=write)
        return counts[0]

    def query(self, sql: str) -> dict[str, Any]:
        pool = SqlPool(self.log, SqlOptions.of(self.settings))
        try:
            return decode_answer(msgspec.json.encode(asyncio.run(pool.run(sql))))
        finally:
            pool.close()

    def verify(self, progress: Progress) -> dict[str, Any]:
        return verify_log(self.log, progress)

    def rebuild(self, progress: Progress) -> dict[str, Any]:
        return rebuild_rollups(self.log, self.writer, self.settings, self.clock, progress)


@contextmanager
def open_folder(settings: Settings) -> Iterator[Folder]:
    """The folder of the settings, its log and writer running; raises ``LogInUse`` or ``LogDamaged``."""
    clock = SystemClock()
    log = DuckDBLog(settings.server.data, clock, log_options(settings))
    writer = Writer(log, clock, writer_options(settings))
    writer.start()
    try:
        yield Folder(settings, clock, log, writer)
    finally:
        writer.stop()
        log.close()
