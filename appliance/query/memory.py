"""How much memory queries hold: what DuckDB counts of it, and what it doesn't."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from appliance.sql import queries

_SQL: Final = queries("appliance.query", "memory.sql")["use"]
# What the log itself keeps: pages that can be dropped at any time, rows that wait for a checkpoint.
_KEPT: Final = frozenset(
    {
        "BASE_TABLE",
        "IN_MEMORY_TABLE",
        "METADATA",
        "TRANSACTION",
        "OVERFLOW_STRINGS",
        "OBJECT_CACHE",
        "EXTERNAL_FILE_CACHE",
    }
)
_STATM: Final = Path("/proc/self/statm")
_OTHERS_BYTES: Final = 64 * 1024 * 1024
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes at one moment: ``working`` is what queries work with, in memory or spilled to disk.

    ``process`` is the process's own, the log's pages and uncommitted rows taken off; 0 where the system doesn't tell.
    """

    working: int
    process: int

    def grown_since(self, before: MemoryUse) -> int:
        """What queries have taken since. The process also grows by what others do, and some of that is let pass."""
        return max(self.working - before.working, self.process - before.process - _OTHERS_BYTES)


def memory_use(cursor: duckdb.DuckDBPyConnection) -> MemoryUse:
    """Ask the engine and the system; takes a quarter of a millisecond."""
    working = kept = 0
    for tag, in_memory, spilled in cursor.execute(_SQL).fetchall():
        if tag in _KEPT:
            kept += in_memory
        else:
            working += in_memory + spilled
    resident = _resident_bytes()
    return MemoryUse(working, resident - kept if resident else 0)


def _resident_bytes() -> int:
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
