"""Event rows as Arrow columns, the way the log takes them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from appliance.events.rejection import DeadLetter
from appliance.events.row import FIELDS, Row

_MONEY = pa.decimal128(18, 4)
_INSTANT = pa.timestamp("us")
_TYPES: dict[str, pa.DataType] = {
    "id_given": pa.bool_(),
    "user_key": pa.uint64(),
    "label_version": pa.uint8(),
}


def to_table(rows: Sequence[Row], event_ids: bytes, type_keys: Sequence[int], first_seq: int) -> pa.Table:
    """The rows as a table in the column order of ``events``; ``event_ids`` holds 16 bytes a row."""
    count = len(rows)
    named = dict(zip(FIELDS, zip(*rows, strict=True), strict=True))
    arrays: dict[str, pa.Array] = {
        "seq": pa.array(np.arange(first_seq, first_seq + count, dtype=np.int64)),
        "event_id": _uuids(event_ids, count),
        "id_given": _column("id_given", named),
        "event_type": _column("event_type", named),
        "type_key": pa.array(type_keys, pa.uint16()),
        "user_id": _column("user_id", named),
        "user_key": _column("user_key", named),
        "session_id": _column("session_id", named),
        "campaign_id": _column("campaign_id", named),
        "timestamp": _instants(named["timestamp_us"]),
        "received_at": _instants(named["received_us"]),
        "amount": _money(named["amount"]),
    }
    for name in FIELDS[FIELDS.index("currency") :]:
        arrays[name] = _column(name, named)
    return pa.table(arrays)


def uuid_array(ids: bytes) -> pa.Array:
    """UUIDs, 16 bytes each one after the other, as an Arrow column."""
    return _uuids(ids, len(ids) // 16)


def _uuids(ids: bytes, count: int) -> pa.Array:
    storage = pa.Array.from_buffers(pa.binary(16), count, [None, pa.py_buffer(ids)])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def _column(name: str, named: dict[str, tuple[Any, ...]]) -> pa.Array:
    values = named[name]
    kind = _TYPES.get(name, pa.string())
    if values.count(values[0]) == len(values):
        # one value for all, as a rule: nothing, or the same source
        return pa.nulls(len(values), kind) if values[0] is None else pa.repeat(pa.scalar(values[0], kind), len(values))
    return pa.array(values, kind)


def _instants(values: tuple[int, ...]) -> pa.Array:
    return pa.array(values, pa.int64()).view(_INSTANT)


def _money(values: tuple[int | None, ...]) -> pa.Array:
    """Ten-thousandths as DECIMAL(18, 4): the same integers, widened to 128 bits."""
    count = len(values)
    missing = values.count(None)
    if missing == count:
        return pa.nulls(count, _MONEY)
    low = np.array([value or 0 for value in values], dtype=np.int64)
    wide = np.column_stack((low, low >> 63))
    validity = None
    if missing:
        present = np.array([value is not None for value in values])
        validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(_MONEY, count, [validity, pa.py_buffer(np.ascontiguousarray(wide))], missing)


def dead_letter_table(letters: Sequence[DeadLetter], ids: bytes, kept_bytes: int) -> pa.Table | None:
    """Dead letters in the column order of their table, ``kept_bytes`` of each payload; ``None`` where there is none."""
    if not letters:
        return None
    return pa.table(
        {
            "id": uuid_array(ids),
            "received_at": _instants(tuple(letter.received_us for letter in letters)),
            "source": pa.array([letter.source for letter in letters], pa.string()),
            "code": pa.array([letter.code for letter in letters], pa.string()),
            "field": pa.array([letter.field for letter in letters], pa.string()),
            "message": pa.array([letter.message for letter in letters], pa.string()),
            "origin": pa.array([letter.origin for letter in letters], pa.string()),
            "payload": pa.array([letter.payload[:kept_bytes] for letter in letters], pa.binary()),
            "payload_bytes": pa.array([len(letter.payload) for letter in letters], pa.int64()),
        }
    )


def settled_table(ids: bytes, now_us: int) -> pa.Table | None:
    """Settled dead letters in the column order of ``replayed_dead_letters``; ``None`` where there are none."""
    count = len(ids) // 16
    return pa.table({"id": uuid_array(ids), "replayed_at": _instants((now_us,) * count)}) if count else None
