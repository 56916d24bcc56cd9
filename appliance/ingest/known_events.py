"""Which event ids lie anywhere in the log, for ways in that de-duplicate against all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from appliance.log.columns import uuid_array
from appliance.log.duckdb_log import DuckDBLog
from appliance.sql import queries

_KNOWN_AMONG: Final = queries("appliance.log", "queries.sql")["known_among"]
_EVERYWHERE: Final = {"first": 0, "last": 2**62}


def known_events(log: DuckDBLog, ids: Sequence[bytes]) -> set[bytes]:
    """Those of the ids that are stored.

    Asked by a reader, and not by the writer, whom other senders wait for. What is stored from now on is among the
    latest ids, which the writer always knows.
    """
    if not ids:
        return set()
    with log.reader() as cursor:
        cursor.register("suspects", pa.table({"event_id": uuid_array(b"".join(ids))}))
        try:
            found = cursor.execute(_KNOWN_AMONG, _EVERYWHERE).fetchall()
        finally:
            cursor.unregister("suspects")
    return {event_id.bytes for (event_id,) in found}
