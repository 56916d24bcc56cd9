"""The dead letters of a log: how many there are, and the bounds that let the oldest go.

A flood of rubbish must not fill the disk between two runs of a job, so rows and bytes are known in memory, and the
writer asks ``is_excessive`` after each group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final

import duckdb
import pyarrow as pa

from appliance.log.columns import uuid_array
from appliance.sql import queries

KEPT_BYTES: Final = 65_536
"""Of a longer payload only the beginning is kept. No event by the default limits comes near."""
_TOLERANCE: Final = 1.1
_SQL: Final = queries("appliance.log", "dead_letters.sql")

Transaction = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass(frozen=True, slots=True)
class Stock:
    """What is kept now, and what became of the others since the log was made."""

    rows: int = 0
    payload_bytes: int = 0
    dropped: int = 0
    """Let go by the bounds on number, bytes and age."""
    replayed: int = 0

    def after(self, added: Sequence[int], settled: Sequence[int]) -> Stock:
        """The stock when letters with so many bytes of payload each have come, and others were settled."""
        return replace(
            self,
            rows=self.rows + len(added) - len(settled),
            payload_bytes=self.payload_bytes + sum(added) - sum(settled),
            replayed=self.replayed + len(settled),
        )


@dataclass(slots=True)
class DeadLetters:
    """``stock`` may be read from any thread; everything else belongs in the writer's."""

    transaction: Transaction
    most_rows: int
    most_bytes: int
    stock: Stock = Stock()

    def load(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.stock = _count(cursor)

    def is_excessive(self) -> bool:
        """Whether there are a tenth more than there may be: bounded one by one, they would cost a sort each."""
        stock = self.stock
        return stock.rows > self.most_rows * _TOLERANCE or stock.payload_bytes > self.most_bytes * _TOLERANCE

    def bound(self, before_us: int | None = None) -> int:
        """Let go of the oldest beyond the bounds, and of those received before ``before_us``; returns how many.

        In a transaction of its own. Raises ``StorageFull`` or ``LogUnavailable``.
        """
        limits = {"most_rows": self.most_rows, "most_bytes": self.most_bytes, "kept_bytes": KEPT_BYTES}
        with self.transaction() as cursor:
            dropped = _removed(cursor.execute(_SQL["drop_excess"], limits))
            if before_us is not None:
                dropped += _removed(cursor.execute(_SQL["drop_old"], {"before_us": before_us}))
                # as long as a letter is kept, and then the id of its event is still in the log
                cursor.execute(_SQL["forget_replayed"], {"before_us": before_us})
            if dropped:
                cursor.execute(_SQL["count_dropped"], {"dropped": dropped})
            stock = _count(cursor)
        self.stock = stock
        return dropped

    def discard(self, ids: Sequence[bytes]) -> int:
        """Remove letters on somebody's word; returns how many were there. As ``bound`` otherwise."""
        with self.transaction() as cursor:
            cursor.register("asked_letters", pa.table({"id": uuid_array(b"".join(ids))}))
            try:
                removed = _removed(cursor.execute(_SQL["discard"]))
            finally:
                cursor.unregister("asked_letters")
            stock = _count(cursor)
        self.stock = stock
        return removed


def _count(cursor: duckdb.DuckDBPyConnection) -> Stock:
    return Stock(*cursor.execute(_SQL["stock"], {"kept_bytes": KEPT_BYTES}).fetchall()[0])


def _removed(answer: duckdb.DuckDBPyConnection) -> int:
    return int(answer.fetchall()[0][0])
