"""A batch of events as PostgreSQL takes it: without what it can't hold, as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from appliance.adapters.protocol import RefusedEvent

_TEXTS: Final = ("event_type", "user_id", "session_id", "campaign_id")
COLUMNS: Final = ("event_type", "user_id", "timestamp", "properties", "session_id", "campaign_id")
"""The table's columns besides ``event_id``, named as the log's are."""
_NUL: Final = "\x00"
# \u0000 as an escape: after an even number of backslashes, an odd one makes it plain text
_NUL_ESCAPE: Final = r"(^|[^\\])(\\\\)*\\u0000"
_AS_COPY_READS: Final = csv.WriteOptions(include_header=False, quoting_style="needed")
"""Every text in quotes, so that an empty one differs from a missing one."""


def takable(events: pa.Table, longest: Mapping[str, int]) -> tuple[pa.Table, list[RefusedEvent]]:
    """The events that the table can hold, and the others with the reason.

    ``longest`` has the length in characters of the text columns that are limited.
    """
    refused: dict[int, str] = {}
    for name in _TEXTS:
        column = events.column(name)
        _note(refused, pc.match_substring(column, _NUL), f"{name} holds a NUL character")
        if name in longest:
            too_long = pc.greater(pc.utf8_length(column), longest[name])
            _note(refused, too_long, f"{name} is longer than the {longest[name]} characters of its column")
    escapes = pc.match_substring_regex(events.column("properties"), _NUL_ESCAPE)
    _note(refused, escapes, "properties hold a NUL character")
    if not refused:
        return events, []
    kept = np.ones(len(events), dtype=bool)
    kept[list(refused)] = False
    return events.filter(pa.array(kept)), _refusals(events, refused)


def as_csv(events: pa.Table) -> memoryview:
    """The events as the statement ``copy`` of ``postgres.sql`` reads them."""
    table = events.select(list(COLUMNS)).add_column(0, "event_id", _texts(events.column("event_id")))
    target = BytesIO()
    csv.write_csv(table, target, _AS_COPY_READS)
    return target.getbuffer()


def _texts(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    # the log gives uuids as text or as such: the connection that reads decides
    return ids if pa.types.is_string(ids.type) else pa.chunked_array([[str(each) for each in ids.to_pylist()]])


def _note(refused: dict[int, str], mask: pa.ChunkedArray, reason: str) -> None:
    # a missing value is neither too long nor wrong
    if pc.any(mask).as_py():
        for index in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():  # noqa: FBT003 - a value
            refused.setdefault(index, reason)


def _refusals(events: pa.Table, refused: Mapping[int, str]) -> list[RefusedEvent]:
    ids, seqs = events.column("event_id"), events.column("seq")
    return [
        RefusedEvent(str(ids[index].as_py()), seqs[index].as_py(), f"PostgreSQL can't hold it: {reason}")
        for index, reason in sorted(refused.items())
    ]
