"""Where imported lines become events of the log, one chunk at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from appliance.events.keys import uuid5_bytes
from appliance.events.normalise import Intake, normalise
from appliance.events.parsed import ParsedEvent, WireLimits
from appliance.events.rejection import DeadLetter, Rejection
from appliance.events.row import FIELDS, Row
from appliance.ingest.chunks import Chunk, Refused, Taken
from appliance.ingest.import_line import parse_line
from appliance.ingest.intake import Decoder
from appliance.ingest.known_events import known_events
from appliance.ingest.lines import Fault
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.log.writer import Writer

_EVENT_ID: Final = FIELDS.index("event_id")


def line_id(name: str, number: int, raw: bytes) -> bytes:
    """The id of an imported event that brings none: from the file's name, the line's number and its bytes.

    So the same file imported again stores nothing twice, also when it was interrupted, when lines were mended
    in their place or when the file has grown; and equal lines, or equal files of other names, stay apart. The
    dead letter of a refused line has this id, too, and so has its event once it is replayed.
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
        judged = judge_chunk(chunk, self.decoder.wire_limits, intake)
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
        """The rows whose ids are nowhere in the log."""
        stored = known_events(self.log, [row[_EVENT_ID] for row in rows])  # type: ignore[misc]
        return [row for row in rows if row[_EVENT_ID] not in stored] if stored else rows


@dataclass(slots=True)
class Judged:
    """A chunk looked through; nothing of it is stored yet."""

    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)


def judge_chunk(chunk: Chunk, limits: WireLimits, intake: Intake) -> Judged:
    """The rows of the good lines, and what is wrong with the others."""
    judged = Judged()
    for number, raw, fault in zip(chunk.numbers, chunk.events, chunk.faults, strict=True):
        try:
            event = _parse(raw, fault, limits)
            own_id = event.event_id and not str(event.event_id).isspace()
            judged.rows.append(normalise(event, intake, None if own_id else line_id(chunk.name, number, raw)))
        except Rejection as rejection:
            judged.refused.append(Refused(number, rejection.code, rejection.field, rejection.message))
            letter_id = line_id(chunk.name, number, raw)
            judged.dead_letters.append(_dead_letter(raw, rejection, intake, f"{chunk.origin}:{number}", letter_id))
    return judged


def _parse(raw: bytes, fault: str | Fault | None, limits: WireLimits) -> ParsedEvent:
    if isinstance(fault, Fault):
        raise Rejection(fault.code, fault.field, fault.message)
    if fault is not None:
        raise Rejection("invalid_json", None, fault)
    return parse_line(raw, limits)


def _dead_letter(raw: bytes, rejection: Rejection, intake: Intake, origin: str, letter_id: bytes) -> DeadLetter:
    return DeadLetter(
        intake.received_us, intake.source, rejection.code, rejection.field, rejection.message, raw, origin, letter_id
    )
