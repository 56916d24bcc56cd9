"""How far interrupted imports got."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

import structlog

from appliance.clock import DAY_US, Clock
from appliance.store.control import ControlStore

_logger = structlog.get_logger(__name__)

KEPT_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class ImportNotes:
    """A line number for each source that was begun and not finished, in the control store.

    Methods block for a small SQLite write or read. None of them raises: a note saves work and decides nothing.
    """

    store: ControlStore
    clock: Clock

    def line(self, source: str) -> int:
        """The line after which to go on; 0 where nothing is known."""
        try:
            rows = list(self.store.database().table("import_progress").rows_where("source = ?", [source]))
        except sqlite3.Error:
            _logger.exception("how far an import got could not be read")
            return 0
        return int(rows[0]["line"]) if rows else 0

    def reached(self, source: str, line: int) -> None:
        """What stands up to and including ``line`` is durable. Notes that nobody came back to are let go."""
        now_us = self.clock.now_us()
        try:
            with self.store.writing() as database:
                table = database.table("import_progress")
                table.upsert({"source": source, "line": line, "updated_us": now_us}, pk="source")
                table.delete_where("updated_us < ?", [now_us - KEPT_DAYS * DAY_US])
        except sqlite3.Error:
            _logger.exception("how far an import got could not be noted")

    def forget(self, source: str) -> None:
        """The source is finished, or to be begun anew."""
        try:
            with self.store.writing() as database:
                database.table("import_progress").delete_where("source = ?", [source])
        except sqlite3.Error:
            _logger.exception("the note of a finished import could not be removed")
