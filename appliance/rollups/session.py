"""What the rollups do around a query: reading at one moment, and giving a table to SQL by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa


@contextmanager
def snapshot(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Everything read inside is of one moment; nothing is written."""
    cursor.begin()
    try:
        yield
    finally:
        cursor.rollback()


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> Iterator[None]:
    """The Arrow table can be read in SQL by its name."""
    connection.register(name, table)
    try:
        yield
    finally:
        connection.unregister(name)
