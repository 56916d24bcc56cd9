"""One view of the log for several statements, and SQL put together from fixed blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb

_PARAMETER = re.compile(r"\$(\w+)", re.ASCII)


@contextmanager
def one_snapshot(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let every statement inside see the log as the first one does; the cursor must not be in a transaction."""
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    try:
        yield
    finally:
        cursor.execute("ROLLBACK")


def body(block: str) -> str:
    """A block of SQL without the comment lines that head it, so that it can stand inside another."""
    lines = block.splitlines()
    first = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return "\n".join(lines[first:])


def fill(template: str, blocks: Mapping[str, str]) -> str:
    """``template`` with each ``{name}`` replaced by that block of SQL; never hand it text from outside."""
    for name, block in blocks.items():
        template = template.replace(f"{{{name}}}", block)
    return template


def fetch(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of ``sql``, given those ``parameters`` it refers to: DuckDB refuses ones too many."""
    used = {name: parameters[name] for name in set(_PARAMETER.findall(sql))}
    return cursor.execute(sql, used).fetchall()
