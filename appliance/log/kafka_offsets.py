"""How far the log has read Kafka: kept in the file beside the events, and in memory to fence who has fallen behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from appliance.log.protocol import Batch, Offset, OffsetMove
from appliance.sql import queries

_SQL: Final = queries("appliance.log", "queries.sql")
_Key = tuple[str, str, int]
_SCHEMA: Final = pa.schema(
    [
        ("group_id", pa.string()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("next_offset", pa.int64()),
        ("topic_id", pa.string()),
        ("incarnation", pa.int32()),
        ("expected_offset", pa.int64()),
        ("expected_topic_id", pa.string()),
        ("expected_incarnation", pa.int32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A group's batches, those that are fenced emptied, and how the offsets move when it is stored."""

    batches: Sequence[Batch]
    moves: Sequence[OffsetMove] = ()
    """One a partition, from where the log stands to where the last of the group leads."""
    fenced: frozenset[int] = frozenset()
    """The places of the batches that expected the log elsewhere."""


class KafkaOffsets:
    """The offsets of one log. ``stored`` and ``consumer_id`` may be read from any thread, all else is the writer's."""

    def __init__(self) -> None:
        self._stored: dict[_Key, Offset] = {}
        self.consumer_id = ""
        """Who reads, in commits to Kafka: made with the log, and the same in a backup of it."""

    def load(self, cursor: duckdb.DuckDBPyConnection) -> None:
        (self.consumer_id,) = cursor.execute(_SQL["kafka_consumer"]).fetchall()[0]
        rows = cursor.execute(_SQL["kafka_offsets"]).fetchall()
        self._stored = {(group, topic, number): Offset(*rest) for group, topic, number, *rest in rows}

    def stored(self, group: str, topic: str, partition: int) -> Offset | None:
        """Where the log stands in a partition; ``None`` where it holds nothing of it."""
        return self._stored.get((group, topic, partition))

    def judge(self, batches: Sequence[Batch]) -> Expected:
        """Which of the batches expect the log where it stands, in their order."""
        if not any(batch.offsets for batch in batches):
            return Expected(batches)
        reached: dict[_Key, Offset] = {}
        fenced = {place for place, batch in enumerate(batches) if not self._advance(batch, reached)}
        kept = [Batch([]) if place in fenced else batch for place, batch in enumerate(batches)]
        moves = [OffsetMove(*key, self._stored.get(key), to) for key, to in reached.items()]
        return Expected(kept, moves, frozenset(fenced))

    def moved(self, moves: Sequence[OffsetMove]) -> None:
        """The moves are durable."""
        for move in moves:
            self._stored[move.group, move.topic, move.partition] = move.to

    def _advance(self, batch: Batch, reached: dict[_Key, Offset]) -> bool:
        moves = {(move.group, move.topic, move.partition): move for move in batch.offsets}
        for key, move in moves.items():
            if reached.get(key, self._stored.get(key)) != move.expected:
                return False
        reached.update({key: move.to for key, move in moves.items()})
        return True


def move_table(moves: Sequence[OffsetMove]) -> pa.Table | None:
    """The moves as the statements of ``queries.sql`` read them; ``None`` where there are none."""
    return pa.Table.from_pylist([_row(move) for move in moves], _SCHEMA) if moves else None


def _row(move: OffsetMove) -> Mapping[str, object]:
    return {
        "group_id": move.group,
        "topic": move.topic,
        "partition": move.partition,
        "next_offset": move.to.next,
        "topic_id": move.to.topic_id,
        "incarnation": move.to.incarnation,
        "expected_offset": None if move.expected is None else move.expected.next,
        "expected_topic_id": None if move.expected is None else move.expected.topic_id,
        "expected_incarnation": None if move.expected is None else move.expected.incarnation,
    }
