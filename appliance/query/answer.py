"""A query's answer as JSON: names, types and rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pyarrow as pa

from appliance.query.cage import Fetched
from appliance.query.values import python_values

# Arrow makes Python objects without handing the interpreter on, and acknowledgements need it too: a few rows at a time,
# and a pause after them.
_SLICE_ROWS: Final = 64
_PAUSE_SECONDS: Final = 0.0005

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Column(msgspec.Struct):
    """``type`` is DuckDB's."""

    name: str
    type: str


class Answer(msgspec.Struct):
    """``truncated``: there were more rows than were allowed, or than fitted."""

    columns: list[Column]
    rows: list[msgspec.Raw]
    row_count: int
    truncated: bool
    elapsed_ms: int


def answer_of(fetched: Fetched, *, max_rows: int, max_bytes: int, elapsed_ms: int) -> Answer:
    """The first ``max_rows`` rows, or as many as make ``max_bytes`` of JSON at most."""
    rows: list[msgspec.Raw] = []
    is_cut = fetched.is_cut
    size_bytes = 0
    for row in _encoded(fetched.batches):
        size_bytes += len(row) + 1
        if len(rows) == max_rows or size_bytes > max_bytes:
            is_cut = True
            break
        rows.append(msgspec.Raw(row))
    columns = [Column(name, kind) for name, kind in fetched.columns]
    return Answer(columns, rows, len(rows), is_cut, elapsed_ms)


def _encoded(batches: list[pa.RecordBatch]) -> Iterator[bytes]:
    for batch in batches:
        for start in range(0, batch.num_rows, _SLICE_ROWS):
            columns: list[list[Any]] = [python_values(column) for column in batch.slice(start, _SLICE_ROWS).columns]
            yield from map(_encode, zip(*columns, strict=True))
            time.sleep(_PAUSE_SECONDS)
