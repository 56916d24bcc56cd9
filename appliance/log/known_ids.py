"""Which event ids were seen lately, in eight bytes an id: the memory behind de-duplication.

Ids lie as 64-bit fingerprints in sorted segments, merged like a log-structured tree's. A fingerprint
that is not here was never seen; one that is here says in which stretch of the log to look the id up,
since two ids may share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from appliance.sql import queries

Fingerprints = npt.NDArray[np.uint64]

SEGMENT_IDS: Final = 2_000_000
STRETCH_SEQS: Final = 65_536
_SQL: Final = queries("appliance.log", "queries.sql")


@dataclass(slots=True)
class _Segment:
    fingerprints: Fingerprints
    first_seq: int
    last_seq: int
    newest_us: int
    oldest_us: int


def fingerprints(ids: bytes | memoryview) -> Fingerprints:
    """The low 64 bits of each of the UUIDs, 16 bytes apiece: the part that is random in every version."""
    return np.frombuffer(ids, dtype=">u8")[1::2].astype(np.uint64)


class KnownIds:
    """Ids seen within ``window_us``, at most ``most`` of them, but never fewer than the last ``fewest``."""

    def __init__(self, *, window_us: int, most: int, fewest: int, segment_ids: int = SEGMENT_IDS) -> None:
        self._window_us = window_us
        self._most = most
        self._fewest = fewest
        self._segment_ids = segment_ids
        self._segments: list[_Segment] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def oldest_us(self) -> int | None:
        """When the oldest id that is still known was received; ``None`` when none is."""
        return self._segments[0].oldest_us if self._segments else None

    def add(self, found: Fingerprints, *, first_seq: int, last_seq: int, received_us: int) -> None:
        """Remember ids that lie between the two seqs and were received at ``received_us``."""
        if not len(found):
            return
        self._segments.append(_Segment(np.sort(found), first_seq, last_seq, received_us, received_us))
        self._count += len(found)
        self._merge()
        self._forget(received_us)

    def load(self, cursor: duckdb.DuckDBPyConnection, now_us: int) -> None:
        """Fill the empty memory from the log, as it would stand had it run all along."""
        first_seq = self._first_seq(cursor, now_us - self._window_us)
        cursor.execute("SET arrow_lossless_conversion = true")
        try:
            for batch in cursor.execute(_SQL["recent_ids"], [first_seq]).to_arrow_reader(self._segment_ids // 2):
                if batch.num_rows:
                    self._add_stored(batch)
        finally:
            cursor.execute("SET arrow_lossless_conversion = false")

    def _first_seq(self, cursor: duckdb.DuckDBPyConnection, since_us: int) -> int:
        """From where on ids are to be known, to a stretch of ``STRETCH_SEQS``.

        Not by each event's own time of receipt: an import has restored those of long ago.
        """
        (wanted,) = cursor.execute(_SQL["first_received_since"], [since_us]).fetchall()[0]
        known, first_seq = 0, 0
        for stretch, count in cursor.execute(_SQL["given_by_stretch"], [STRETCH_SEQS]).fetchall():
            in_window = wanted is not None and (stretch + 1) * STRETCH_SEQS > wanted
            if known >= (self._most if in_window else self._fewest):
                break
            known += count
            first_seq = stretch * STRETCH_SEQS
        return first_seq

    def _add_stored(self, batch: pa.RecordBatch) -> None:
        ids = batch.column(0).storage
        packed = memoryview(ids.buffers()[1])[16 * ids.offset : 16 * (ids.offset + len(ids))]
        seqs, received = batch.column(1), batch.column(2)
        self._segments.append(
            _Segment(
                np.sort(fingerprints(packed)),
                pc.min(seqs).as_py(),
                pc.max(seqs).as_py(),
                pc.max(received).as_py(),
                pc.min(received).as_py(),
            )
        )
        self._count += len(ids)

    def suspects(self, found: Fingerprints) -> tuple[npt.NDArray[np.bool_], int, int]:
        """Which fingerprints were seen, and the first and last seq between which to look for their ids."""
        seen = np.zeros(len(found), dtype=np.bool_)
        first, last = 0, -1
        for segment in self._segments:
            known = segment.fingerprints
            places = np.searchsorted(known, found)
            places[places == len(known)] = 0
            hits = known[places] == found
            if hits.any():
                seen |= hits
                first = segment.first_seq if last < 0 else min(first, segment.first_seq)
                last = max(last, segment.last_seq)
        return seen, first, last

    def _merge(self) -> None:
        """Join the newest segments while the last is at least half as large as the one before it."""
        while len(self._segments) > 1:
            older, newer = self._segments[-2:]
            total = len(older.fingerprints) + len(newer.fingerprints)
            if total > self._segment_ids or 2 * len(newer.fingerprints) < len(older.fingerprints):
                return
            # both are sorted runs, which a stable sort merges in linear time
            joined = np.sort(np.concatenate((older.fingerprints, newer.fingerprints)), kind="stable")
            self._segments[-2:] = [
                _Segment(
                    joined,
                    min(older.first_seq, newer.first_seq),
                    max(older.last_seq, newer.last_seq),
                    max(older.newest_us, newer.newest_us),
                    min(older.oldest_us, newer.oldest_us),
                )
            ]

    def _forget(self, now_us: int) -> None:
        while len(self._segments) > 1:
            oldest = self._segments[0]
            left = self._count - len(oldest.fingerprints)
            outdated = oldest.newest_us < now_us - self._window_us or left >= self._most
            if not outdated or left < self._fewest:
                return
            del self._segments[0]
            self._count = left
