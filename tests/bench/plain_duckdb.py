"""What plain DuckDB does with the same rows: the ceiling that ingest is compared with."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pyarrow as pa

from appliance.sql import queries


def open_plain(path: Path) -> duckdb.DuckDBPyConnection:
    """A new log file with nothing around it: the log's own tables and storage version."""
    connection = duckdb.connect(str(path), config={"storage_compatibility_version": "v1.5.0"})
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(queries("appliance.log", "schema.sql")["create"])
    return connection


def inserts_per_second(path: Path, table: pa.Table, batch: int) -> float:
    """Events a second when ``table`` goes in by committed batches of ``batch`` rows, Arrow ready made."""
    connection = open_plain(path)
    try:
        connection.execute("SET threads = 1")
        _insert(connection, table.slice(0, 1))  # what is imported and compiled on first use
        slices = [table.slice(start, batch) for start in range(0, table.num_rows, batch)]
        began = time.perf_counter()
        for part in slices:
            _insert(connection, part)
        return float(table.num_rows / (time.perf_counter() - began))
    finally:
        connection.close()
        path.unlink()
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _insert(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """One autocommitted statement: one transaction, one fsync."""
    connection.register("incoming", rows)
    connection.execute("INSERT INTO events SELECT * FROM incoming")
    connection.unregister("incoming")
