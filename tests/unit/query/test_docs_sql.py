"""docs/sql.md tells what is there, and its examples run."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import msgspec
import pytest

from appliance.config import Settings
from appliance.query.decoding import decode_answer
from appliance.query.pool import SqlPool

_PAGE = (Path(__file__).resolve().parents[3] / "docs" / "sql.md").read_text("utf-8")
_EXAMPLES = re.findall(r"^```sql\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("sql", _EXAMPLES, ids=range(len(_EXAMPLES)))
def test_an_example_runs(pool: SqlPool, sql: str) -> None:
    """Each gives rows on a log with events of each kind it asks for."""
    assert 1 <= asyncio.run(pool.run(sql)).row_count


def test_there_are_examples() -> None:
    """The page wasn't read in vain."""
    assert len(_EXAMPLES) >= 5


@pytest.mark.parametrize("view", ["events", "rollup_minute", "rollup_hour", "rollup_day"])
def test_every_column_is_told(pool: SqlPool, view: str) -> None:
    """A view's columns stand on the page with their types."""
    answer = decode_answer(msgspec.json.encode(asyncio.run(pool.run(f"SELECT * FROM {view} LIMIT 0"))))
    names = {column["name"] for column in answer["columns"]}
    assert len(names) in (6, 15)
    assert set() == {name for name in names if f"`{name}`" not in _PAGE}
    assert set() == {column["type"] for column in answer["columns"] if column["type"] not in _PAGE}


def test_the_bounds_are_the_defaults() -> None:
    """The table's bounds are those of the settings."""
    query = Settings().query
    assert (10, 10_000, 10 * 1024 * 1024) == (query.timeout_seconds, query.max_rows, query.max_bytes)
    assert ("192MB", 2) == (query.memory_limit, query.concurrency)
    rows = dict(re.findall(r"^\| [^|]+ \| ([^|]+) \| `query\.(\w+)` \|", _PAGE, re.MULTILINE))
    assert {"timeout_seconds", "max_rows", "max_bytes", "memory_limit", "concurrency"} == set(rows.values())
    assert ["10 s", "10,000", "10 MiB", "192 MB", "2"] == list(rows)
