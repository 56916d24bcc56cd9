"""The event log in DuckDB."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import structlog

from appliance.clock import DAY_US, Clock, SteadyTime
from appliance.errors import LogDamaged, LogUnavailable, StorageFull
from appliance.events.custom_types import CustomTypes
from appliance.events.keys import completed_ids
from appliance.events.row import FIELDS, Row
from appliance.events.types import FIRST_CUSTOM_KEY, KNOWN_TYPES
from appliance.log.columns import dead_letter_table, settled_table, to_table
from appliance.log.database import Database
from appliance.log.dead_letters import KEPT_BYTES, DeadLetters
from appliance.log.deduplication import Deduplicator
from appliance.log.group import Group, Incoming, OffsetsDiffer
from appliance.log.kafka_offsets import Expected, KafkaOffsets, move_table
from appliance.log.known_ids import Fingerprints, KnownIds
from appliance.log.position import Position
from appliance.log.protocol import Batch, Receipt
from appliance.log.settling import settle, unknown_letters
from appliance.log.space import SpaceWatch
from appliance.log.stall import StallWatch
from appliance.sql import queries

_logger = structlog.get_logger(__name__)

SCHEMA_VERSION: Final = 1
_ROW_GROUP_EVENTS: Final = 122_880
_REOPEN_AFTER: Final = (duckdb.FatalException, duckdb.IOException, duckdb.InternalException, OffsetsDiffer)

_SQL: Final = queries("appliance.log", "queries.sql")
_EVENT_ID, _EVENT_TYPE = FIELDS.index("event_id"), FIELDS.index("event_type")


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a log behaves; the defaults are those of the settings of the same names."""

    memory_limit: str = "512MB"
    threads: int = 1
    min_free_bytes: int = 0
    dedup_window_us: int = DAY_US
    dedup_most: int = 20_000_000
    dedup_fewest: int = 2_000_000
    dead_letter_max_rows: int = 100_000
    dead_letter_max_bytes: int = 256 * 1024 * 1024
    close_checkpoint_bytes: int = 32 * 1024 * 1024
    """Write-ahead log that closing still moves into the file; the next start replays more sooner than that takes."""


class DuckDBLog:
    """An ``EventLog`` in one DuckDB file below ``folder``, or in memory where that is ``None``."""

    def __init__(self, folder: Path | None, clock: Clock, options: LogOptions | None = None) -> None:
        options = options or LogOptions()
        self._clock = clock
        self._options = options
        # what de-duplication knows mustn't depend on a clock that is set
        self._steady = SteadyTime(clock)
        self.stall = StallWatch(clock)
        self.database = Database(folder, memory_limit=options.memory_limit, threads=options.threads)
        self.space = SpaceWatch(folder, options.min_free_bytes, clock, self._checkpoint_bytes)
        self.dead_letters = DeadLetters(self._transaction, options.dead_letter_max_rows, options.dead_letter_max_bytes)
        self.custom_types = CustomTypes()
        self.kafka_offsets = KafkaOffsets()
        self._incoming = Incoming()
        self._identity = ""
        self._seq = 0
        self._first_seq = 0
        self._type_keys: dict[str, int] = {}
        self._known = self._new_memory()
        self._load()

    def reader(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A cursor of the calling thread's own, outside of any transaction.

        Raises ``LogUnavailable`` where the disk holds up a commit: a query would wait for its end.
        """
        self.require_answering()
        return self.database.reader()

    def require_answering(self) -> None:
        """Raise ``LogUnavailable`` where a query would wait for a disk that does not answer."""
        reason = self.stall.reason(for_readers=True)
        if reason is not None:
            raise LogUnavailable(reason)

    def tail(self) -> Position:
        return Position(self._identity, self._seq)

    def position_in(self, cursor: duckdb.DuckDBPyConnection) -> str:
        """The text of the position of the last event that the cursor's transaction sees."""
        identity, _, floor = cursor.execute(_SQL["identity"]).fetchall()[0]
        return str(Position(identity, max(floor, cursor.execute(_SQL["last_seq"]).fetchall()[0][0])))

    def newest_received_us(self, up_to_seq: int) -> int | None:
        """When the latest of the events up to a seq was received; ``None`` without events."""
        with self.reader() as cursor:
            found: int | None = cursor.execute(_SQL["newest_received"], [up_to_seq]).fetchall()[0][0]
        return found

    def covered_since_us(self) -> int | None:
        """When the oldest id was received that de-duplication still knows; ``None`` when it knows none."""
        oldest_us = self._known.oldest_us()
        return None if oldest_us is None else oldest_us + self._clock.now_us() - self._steady.now_us()

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        self.heal()
        self.space.require()
        cursor = self.database.cursor()
        expected = self.kafka_offsets.judge(batches)
        settled = settle(expected.batches, cursor)
        fresh = Deduplicator(self._known, cursor).fresh(settled.batches)
        rows = list(chain.from_iterable(fresh.rows))
        letters = unknown_letters(list(chain.from_iterable(batch.dead_letters for batch in expected.batches)), cursor)
        stock = self.dead_letters.stock.after(
            [min(len(letter.payload), KEPT_BYTES) for letter in letters], list(settled.letters.values())
        )
        first, now_us = self._seq + 1, self._clock.now_us()
        new_types = self._new_types(rows)
        keys = self._type_keys | new_types
        events = _event_table(rows, keys, first, now_us) if rows else None
        refused = dead_letter_table(letters, completed_ids([letter.id for letter in letters], now_us), KEPT_BYTES)
        replayed = settled_table(b"".join(settled.letters), now_us)
        moves = move_table(expected.moves)
        self._store(Group(events, refused, new_types, first, first + len(rows) - 1, replayed, moves))
        self._seq = first + len(rows) - 1
        self._type_keys = keys
        self.dead_letters.stock = stock
        self.kafka_offsets.moved(expected.moves)
        self._remember(fresh.fingerprints, first)
        return _receipts(expected, fresh.rows, settled.gone, self.tail())

    def probe(self) -> None:
        """Commit something small; raises ``StorageFull`` or ``LogUnavailable`` where events would not be stored."""
        self.heal()
        self.space.require()
        cursor = self.database.cursor()
        try:
            cursor.execute(_SQL["raise_seq_floor"], [self._seq])
        except Exception as fault:
            self.abandon(cursor, fault)
            raise self._refusal(fault) from fault

    def read(self, after: Position | None, limit: int) -> tuple[pa.Table, Position]:
        if after is not None and after.identity != self._identity:
            raise ValueError("the position belongs to another log")
        start = after.seq if after is not None else 0
        with self.reader() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            (found,) = cursor.execute(_SQL["next_after"], [start]).fetchall()[0]
            first = found if found is not None else start + 1
            table = cursor.execute(_SQL["read_events"], [first - 1, first - 1 + limit]).to_arrow_table()
        last = table.column("seq")[-1].as_py() if len(table) else start
        return table, Position(self._identity, last)

    def before_first(self, happened_us: int) -> Position:
        tail = self.tail()
        with self.reader() as cursor:
            (first,) = cursor.execute(_SQL["first_happened_since"], [happened_us]).fetchall()[0]
        return Position(self._identity, first - 1) if first is not None else tail

    def expire(self, before_us: int) -> int:
        with self._transaction() as cursor:
            return self.remove_before(cursor, before_us)

    def remove_before(
        self, connection: duckdb.DuckDBPyConnection, before_us: int, *, up_to_seq: int | None = None
    ) -> int:
        """As ``expire``, inside a transaction of the caller's, and of the events up to ``up_to_seq`` alone."""
        last = self._seq if up_to_seq is None else up_to_seq
        connection.execute(_SQL["raise_seq_floor"], [self._seq])
        (removed,) = connection.execute(_SQL["expire_events"], [before_us, last]).fetchall()[0]
        return int(removed)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file. Holds writers up: the caller chooses the moment."""
        if not self.space.fits_checkpoint():
            raise LogUnavailable("there is no room for a checkpoint")
        cursor = self.database.cursor()
        try:
            with self.database.more_threads(cursor):
                cursor.execute("CHECKPOINT")
        except duckdb.Error as fault:
            # what was committed stays committed; a fatal fault needs the file opened anew
            self.abandon(cursor, fault)
            raise LogUnavailable(f"the checkpoint failed: {_first_line(fault)}") from fault

    def heal(self) -> None:
        """Open the file anew where a fatal fault has made that necessary, and learn again what is in it.

        Raises ``LogUnavailable`` where that doesn't succeed yet. In the writer's thread.
        """
        if not self.database.invalidated:
            return
        try:
            self.database.reopen()
            self._load()
        except LogUnavailable:
            self.database.invalidated = True
            raise
        except Exception as fault:
            # whatever it was: with a part of the ids known, or none, nothing may be taken
            self.database.invalidated = True
            raise LogUnavailable(f"the event log could not be reopened: {_first_line(fault)}") from fault

    def abandon(self, cursor: duckdb.DuckDBPyConnection, fault: BaseException) -> None:
        """End the transaction that a fault may have left open: what follows must not go into it.

        Where that can't be known, or the instance can't be trusted any more, the file is to be opened anew.
        """
        self.database.invalidated |= isinstance(fault, _REOPEN_AFTER)
        try:
            cursor.execute("ROLLBACK")
        except duckdb.TransactionException:  # there was none left to end
            return
        except duckdb.Error:
            self.database.invalidated = True

    def wal_bytes(self) -> int:
        """The size of the write-ahead log: what the next start would have to replay."""
        path = self.database.wal_path
        try:
            return path.stat().st_size if path is not None else 0
        except OSError:
            return 0

    def _checkpoint_bytes(self) -> int:
        """The room that the next checkpoint takes at most: for what it moves, and to write the last row group anew."""
        path = self.database.path
        events = max(1, self._seq - self._first_seq)
        written = path.stat().st_size if path is not None else 0
        return self.wal_bytes() + written * min(events, _ROW_GROUP_EVENTS) // events

    def close(self) -> None:
        self.close_within(None)

    def close_within(self, patience_seconds: float | None) -> bool:
        """As ``close``; ``False`` where a reader has not let go within ``patience_seconds``."""
        try:
            if 0 < self.wal_bytes() <= self._options.close_checkpoint_bytes:
                self.checkpoint()
        except LogUnavailable as fault:
            _logger.info("the next start replays the write-ahead log", reason=str(fault))
        return self.database.close(patience_seconds)

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The writer's cursor in a transaction, committed at the end and rolled back by whatever is raised.

        Raises ``StorageFull`` or ``LogUnavailable`` for what DuckDB raises.
        """
        self.heal()
        cursor = self.database.cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
        except BaseException as fault:
            self.abandon(cursor, fault)
            if isinstance(fault, duckdb.Error):
                raise self._refusal(fault) from fault
            raise

    def _store(self, group: Group, *, may_end_readers: bool = True) -> None:
        cursor = self.database.cursor()
        try:
            group.write(cursor, self._incoming)
        except Exception as fault:
            self.abandon(cursor, fault)
            # before anything else is asked of the engine: it has no memory for that either
            is_relieved = may_end_readers and _is_out_of_memory(fault) and self.database.long_readers.end()
            if self._took_effect(group):
                return
            if not is_relieved:
                raise self._refusal(fault) from fault
            self._store(group, may_end_readers=False)

    def _took_effect(self, group: Group) -> bool:
        """Whether a commit that raised is durable all the same: the file itself is asked.

        DuckDB raises after a durable commit when the checkpoint that follows it fails; and a fault while
        the commit was being written leaves both answers open.
        """
        try:
            self.heal()
            return group.is_stored(self.database.cursor(), self._incoming)
        except Exception:
            _logger.exception("whether a commit took effect could not be found out")
            # the next group must not be given seqs that these events may have
            self.database.invalidated = True
            return False

    def _refusal(self, fault: Exception) -> StorageFull | LogUnavailable:
        """What the sender of events that were not stored is told."""
        if "No space left" in str(fault) or not self.space.has_room():
            return StorageFull()
        return LogUnavailable(f"the commit failed: {_first_line(fault)}. Send again after a moment")

    def _remember(self, found: Fingerprints, first: int) -> None:
        """Add what is durable now to the ids known. The events are stored, whatever happens here."""
        try:
            self._known.add(found, first_seq=first, last_seq=self._seq, received_us=self._steady.now_us())
        except Exception:
            _logger.exception("the memory of ids failed and is filled anew from the log")
            self.database.invalidated = True

    def _load(self) -> None:
        cursor = self.database.cursor()
        found = cursor.execute(_SQL["identity"]).fetchone()
        if found is None:
            identity = uuid.uuid4().hex
            cursor.execute(
                _SQL["make_identity"],
                {"identity": identity, "schema_version": SCHEMA_VERSION, "created_us": self._clock.now_us()},
            )
            found = (identity, SCHEMA_VERSION, 0)
        identity, version, floor = found
        if version > SCHEMA_VERSION:
            raise LogDamaged("the data folder was written by a later version of the appliance: install that version")
        self._identity = identity
        self._seq = max(floor, cursor.execute(_SQL["last_seq"]).fetchall()[0][0])
        (first,) = cursor.execute(_SQL["next_after"], [-1]).fetchall()[0]
        self._first_seq = self._seq if first is None else first - 1
        custom = dict(cursor.execute(_SQL["custom_types"]).fetchall())
        self._type_keys = KNOWN_TYPES | custom
        self.custom_types.add_stored(custom)
        self.dead_letters.load(cursor)
        self.kafka_offsets.load(cursor)
        self._known = self._new_memory()
        self._known.load(cursor, self._steady.now_us())

    def _new_memory(self) -> KnownIds:
        options = self._options
        return KnownIds(window_us=options.dedup_window_us, most=options.dedup_most, fewest=options.dedup_fewest)

    def _new_types(self, rows: list[Row]) -> dict[str, int]:
        names = {row[_EVENT_TYPE]: None for row in rows if row[_EVENT_TYPE] not in self._type_keys}
        if names and not all(self.custom_types.admit(str(name)) for name in names):
            raise ValueError("an event was judged without asking custom_types, and no key is left for its type")
        following = max(FIRST_CUSTOM_KEY, max(self._type_keys.values()) + 1)
        return {str(name): key for key, name in enumerate(names, following)}


def _event_table(rows: list[Row], type_keys: dict[str, int], first: int, now_us: int) -> pa.Table:
    ids = completed_ids([row[_EVENT_ID] for row in rows], now_us)  # type: ignore[misc]
    return to_table(rows, ids, [type_keys[row[_EVENT_TYPE]] for row in rows], first)  # type: ignore[index]


def _receipts(
    expected: Expected, stored: list[list[Row]], gone: Sequence[Sequence[bytes]], tail: Position
) -> list[Receipt]:
    receipts = []
    for place, (batch, rows, missing) in enumerate(zip(expected.batches, stored, gone, strict=True)):
        asked = len(batch.rows) + (0 if batch.replay is None else len(batch.replay.stored_already))
        fenced = place in expected.fenced
        receipts.append(Receipt(len(rows), asked - len(missing) - len(rows), tail, missing, fenced))
    return receipts


def _is_out_of_memory(fault: Exception) -> bool:
    """A commit that finds none says so as an error of the transaction."""
    text = str(fault)
    return isinstance(fault, duckdb.OutOfMemoryException) or (
        isinstance(fault, duckdb.Error) and any(words in text for words in ("failed to pin", "failed to allocate"))
    )


def _first_line(fault: Exception) -> str:
    return str(fault).partition("\n")[0]
