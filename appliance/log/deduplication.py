"""Which events of a group commit are new: each id is stored once, and the first to come wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from appliance.events.row import FIELDS, Row
from appliance.log.columns import uuid_array
from appliance.log.known_ids import Fingerprints, KnownIds, fingerprints
from appliance.log.protocol import Batch
from appliance.sql import queries

_SQL: Final = queries("appliance.log", "queries.sql")
_EVENT_ID, _ID_GIVEN = FIELDS.index("event_id"), FIELDS.index("id_given")
_WHOLE_LOG: Final = (0, 2**62)


@dataclass(frozen=True, slots=True)
class Fresh:
    """The rows of each batch that are to be stored, and the fingerprints of their given ids."""

    rows: list[list[Row]]
    fingerprints: Fingerprints


class Deduplicator:
    """Judges one group against the ids known, asking the log itself only where a fingerprint is known."""

    def __init__(self, known: KnownIds, cursor: duckdb.DuckDBPyConnection) -> None:
        self._known = known
        self._cursor = cursor

    def fresh(self, batches: Sequence[Batch]) -> Fresh:
        ids = [row[_EVENT_ID] for batch in batches for row in batch.rows if row[_ID_GIVEN]]
        found = fingerprints(b"".join(ids))  # type: ignore[arg-type]
        stored = self._stored(ids, found, whole_log=any(batch.whole_log for batch in batches))
        if not stored and len(np.unique(found)) == len(found):
            return Fresh([batch.rows for batch in batches], found)
        return self._without(batches, stored)

    def _without(self, batches: Sequence[Batch], stored: set[bytes]) -> Fresh:
        kept: list[list[Row]] = []
        new_ids: list[bytes] = []
        for batch in batches:
            rows: list[Row] = []
            for row in batch.rows:
                if row[_ID_GIVEN]:
                    event_id: bytes = row[_EVENT_ID]  # type: ignore[assignment]
                    if event_id in stored:
                        continue
                    stored.add(event_id)
                    new_ids.append(event_id)
                rows.append(row)
            kept.append(rows)
        return Fresh(kept, fingerprints(b"".join(new_ids)))

    def _stored(self, ids: list[object], found: Fingerprints, *, whole_log: bool) -> set[bytes]:
        """Those of the ids that lie in the log."""
        if whole_log:
            return self._look_up(ids, *_WHOLE_LOG) if ids else set()
        seen, first, last = self._known.suspects(found)
        if not seen.any():
            return set()
        return self._look_up([ids[place] for place in np.flatnonzero(seen)], first, last)

    def _look_up(self, ids: list[object], first: int, last: int) -> set[bytes]:
        suspects = pa.table({"event_id": uuid_array(b"".join(ids))})  # type: ignore[arg-type]
        self._cursor.register("suspects", suspects)
        try:
            answer = self._cursor.execute(_SQL["known_among"], {"first": first, "last": last}).fetchall()
        finally:
            self._cursor.unregister("suspects")
        return {event_id.bytes for (event_id,) in answer}
