"""Where imported lines become events of the log, one chunk at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pyarrow as pa

from appliance.events.keys import uuid5_bytes
from appliance.events.normalise import Intake, normalise
from appliance.events.parsed import ParsedEvent, WireLimits
from appliance.events.rejection import DeadLetter, Rejection
from appliance.events.row import FIELDS, Row
from appliance.events.wire import parse_event
from appliance.ingest.chunks import Chunk, Refused, Taken
from appliance.ingest.intake import Decoder
from appliance.log.columns import uuid_array
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.log.writer import Writer
from appliance.sql import queries

_EVENT_ID: Final = FIELDS.index("event_id")
_KNOWN_AMONG: Final = queries("appliance.log", "queries.sql")["known_among"]
_EVERYWHERE: Final = {"first": 0, "last": 2**62}


def line_id(name: str, number: int, raw: bytes) -> bytes:
    """The id of an imported event that brings none: from the file's name, the line's number and its bytes.

    So the same file imported again stores nothing twice, also when it was interrupted, when lines were mended
    in their place or when the file has grown; and equal lines, or equal files of other names, stay apart.
    """
    return uuid5_bytes(b"import:%d:%b:%d:%b" % (len(name), name.encode("utf-8", "replace"), number, raw))


@dataclass(frozen=True, slots=True)
class Importer:
    """Judges chunks and stores them; used from one thread at a time."""

    decoder: Decoder
    log: DuckDBLog
    writer: Writer

    def take(self, chunk: Chunk) -> Taken:
        """Store the good lines and keep the others as dead letters; blocks until both are durable.

        Of a chunk that is only to be checked nothing is stored. Raises ``StorageFull`` or ``LogUnavailable``,
        and then nothing of the chunk was stored.
        """
        intake = self._intake(chunk.as_of_us)
        judged = _judge(chunk, self.decoder.wire_limits, intake)
        if chunk.only_check:
            return Taken(len(judged.rows), 0, judged.refused, intake.received_us)
        self.log.space.require()
        fresh = self._fresh(judged.rows)
        accepted = 0
        if fresh or judged.dead_letters:
            batch = Batch(fresh, judged.dead_letters, sum(map(len, chunk.events)))
            accepted = self.writer.submit(batch).result().accepted
        return Taken(accepted, len(judged.rows) - accepted, judged.refused, intake.received_us)

    def _intake(self, as_of_us: int | None) -> Intake:
        intake = self.decoder.intake("import", restore_received=True)
        if as_of_us is None:
            return intake
        ago_us = intake.received_us - as_of_us
        oldest_us = None if intake.oldest_us is None else intake.oldest_us - ago_us
        return replace(intake, received_us=as_of_us, oldest_us=oldest_us, latest_us=intake.latest_us - ago_us)

    def _fresh(self, rows: list[Row]) -> list[Row]:
        """The rows whose ids are nowhere in the log.

        Asked here, by a reader, and not by the writer, whom other senders wait for. What is stored from now on
        is among the latest ids, which the writer always knows.
        """
        stored = self._stored([row[_EVENT_ID] for row in rows])  # type: ignore[misc]
        return [row for row in rows if row[_EVENT_ID] not in stored] if stored else rows

    def _stored(self, ids: Sequence[bytes]) -> set[bytes]:
        if not ids:
            return set()
        with self.log.reader() as cursor:
            cursor.register("suspects", pa.table({"event_id": uuid_array(b"".join(ids))}))
            try:
                found = cursor.execute(_KNOWN_AMONG, _EVERYWHERE).fetchall()
            finally:
                cursor.unregister("suspects")
        return {event_id.bytes for (event_id,) in found}


@dataclass(slots=True)
class _Judged:
    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)


def _judge(chunk: Chunk, limits: WireLimits, intake: Intake) -> _Judged:
    judged = _Judged()
    for number, raw, fault in zip(chunk.numbers, chunk.events, chunk.faults, strict=True):
        try:
            event = _parse(raw, fault, limits)
            own_id = event.event_id and not str(event.event_id).isspace()
            judged.rows.append(normalise(event, intake, None if own_id else line_id(chunk.name, number, raw)))
        except Rejection as rejection:
            judged.refused.append(Refused(number, rejection.code, rejection.field, rejection.message))
            judged.dead_letters.append(_dead_letter(raw, rejection, intake, f"{chunk.origin}:{number}"))
    return judged


def _parse(raw: bytes, fault: str | None, limits: WireLimits) -> ParsedEvent:
    if fault is not None:
        raise Rejection("invalid_json", None, fault)
    try:
        return parse_event(raw, limits)
    except Rejection as rejection:
        if rejection.code not in ("too_large", "too_deep") or b'"received_at"' not in raw:
            raise
    # an export of ours: unknown fields have joined the properties, which may be more than one may send
    return parse_event(raw, WireLimits(8 * limits.max_properties_bytes, limits.max_depth + 1))


def _dead_letter(raw: bytes, rejection: Rejection, intake: Intake, origin: str) -> DeadLetter:
    return DeadLetter(
        intake.received_us, intake.source, rejection.code, rejection.field, rejection.message, raw, origin
    )
