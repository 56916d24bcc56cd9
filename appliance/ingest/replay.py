"""Dead letters, as they are or mended, judged anew and stored.

A letter goes in the transaction that stores its event, and its id is remembered: whatever is sent twice, cut off in
the middle or sent by two at once, each letter's event is stored at most once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import pyarrow as pa

from appliance.clock import iso
from appliance.events.normalise import Intake, normalise
from appliance.events.rejection import Rejection
from appliance.events.row import FIELDS, Row
from appliance.events.wire import parse_event
from appliance.ingest.dead_letter_list import parse_id
from appliance.ingest.import_line import parse_line
from appliance.ingest.intake import Decoder
from appliance.ingest.known_events import known_events
from appliance.log.columns import uuid_array
from appliance.log.dead_letters import KEPT_BYTES
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch, Replay
from appliance.log.writer import Writer
from appliance.sql import queries

MOST_REPLAYED: Final = 10_000
_AT_ONCE: Final = 1_000
_SQL: Final = queries("appliance.ingest", "dead_letters.sql")
_EVENT_ID, _TIMESTAMP = FIELDS.index("event_id"), FIELDS.index("timestamp_us")


class Wanted(NamedTuple):
    """A letter to replay; ``event`` is the JSON of the mended event, ``None`` the letter's own payload."""

    id: str
    event: bytes | None = None


@dataclass(slots=True)
class Outcome:
    """What became of a replay; ``rejected`` has the place in the request of each letter that stays as it was."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[tuple[int, Rejection]] = field(default_factory=list)

    def words(self) -> str:
        """The outcome in a few words."""
        return f"{self.accepted} accepted, {self.duplicates} duplicates, {len(self.rejected)} rejected"


class _Letter(NamedTuple):
    id: bytes
    received_us: int
    source: str
    payload_bytes: int
    payload: bytes | None
    """``None`` where only its beginning was kept."""


class _Place(NamedTuple):
    """A letter in the request; ``id`` is empty where the text writes none."""

    at: int
    id: bytes
    event: bytes | None


@dataclass(slots=True)
class _Judged:
    rows: list[Row] = field(default_factory=list)
    places: list[_Place] = field(default_factory=list)
    """Of the rows, one for each."""
    replayed: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Replayer:
    """Replays letters of one log. Its method blocks."""

    decoder: Decoder
    log: DuckDBLog
    writer: Writer

    def replay(self, wanted: Sequence[Wanted]) -> Outcome:
        """Store the events of the letters; returns when all is durable.

        A letter that was replayed before, or whose event the log has, counts as a duplicate. An event without a
        timestamp happened when its letter was received, and one without an id gets the letter's. Raises
        ``StorageFull`` or ``LogUnavailable``: what had been stored then is a duplicate when it is sent again.
        """
        self.log.space.require()
        outcome = Outcome()
        places = [_Place(index, _id_bytes(letter.id), letter.event) for index, letter in enumerate(wanted)]
        for begin in range(0, len(places), _AT_ONCE):
            self._replay_some(places[begin : begin + _AT_ONCE], outcome)
        outcome.rejected.sort(key=lambda rejected: rejected[0])
        return outcome

    def _replay_some(self, places: Sequence[_Place], outcome: Outcome) -> None:
        letters, replayed = self._look_up({place.id for place in places if place.id})
        judged = _Judged()
        for place in places:
            try:
                self._judge(place, letters, replayed, judged)
            except Rejection as rejection:
                outcome.rejected.append((place.at, rejection))
        outcome.duplicates += judged.replayed
        if judged.rows:
            self._store(judged, outcome)

    def _judge(self, place: _Place, letters: dict[bytes, _Letter], replayed: set[bytes], judged: _Judged) -> None:
        if place.id in replayed:
            judged.replayed += 1
            return
        letter = letters.get(place.id)
        if letter is None:
            raise _not_there()
        raw = letter.payload if place.event is None else place.event
        if raw is None:
            raise Rejection(
                "too_large",
                None,
                f"only the first {KEPT_BYTES:,} of its {letter.payload_bytes:,} bytes were kept: send a mended event",
            )
        judged.rows.append(self._row(raw, letter))
        judged.places.append(place)
        judged.size_bytes += len(raw)

    def _row(self, raw: bytes, letter: _Letter) -> Row:
        is_import = letter.source == "import"
        intake = replace(self.decoder.intake(letter.source, restore_received=is_import), received_us=letter.received_us)
        limits = self.decoder.wire_limits
        event = parse_line(raw, limits) if is_import else parse_event(raw, limits)
        row = normalise(event, intake, letter.id)
        _require_kept(row, intake)
        return row

    def _store(self, judged: _Judged, outcome: Outcome) -> None:
        stored = known_events(self.log, [row[_EVENT_ID] for row in judged.rows])  # type: ignore[misc]
        rows: list[Row] = []
        of_rows: list[bytes] = []
        already: list[bytes] = []
        for row, place in zip(judged.rows, judged.places, strict=True):
            if row[_EVENT_ID] in stored:
                already.append(place.id)
            else:
                rows.append(row)
                of_rows.append(place.id)
        batch = Batch(rows, [], judged.size_bytes, replay=Replay(of_rows, already))
        receipt = self.writer.submit(batch).result()
        outcome.accepted += receipt.accepted
        outcome.duplicates += receipt.duplicates
        # discarded or let go between our look and the commit
        gone = set(receipt.gone)
        outcome.rejected += [(place.at, _not_there()) for place in judged.places if place.id in gone]

    def _look_up(self, ids: set[bytes]) -> tuple[dict[bytes, _Letter], set[bytes]]:
        """The letters that are there, and which of the ids were replayed."""
        if not ids:
            return {}, set()
        with self.log.reader() as cursor:
            cursor.register("asked_letters", pa.table({"id": uuid_array(b"".join(ids))}))
            try:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                found = cursor.execute(_SQL["to_replay"], {"kept_bytes": KEPT_BYTES}).fetchall()
                replayed = cursor.execute(_SQL["replayed"]).fetchall()
                cursor.execute("COMMIT")
            finally:
                cursor.unregister("asked_letters")
        letters = [_Letter(letter_id.bytes, *rest) for letter_id, *rest in found]
        return {letter.id: letter for letter in letters}, {letter_id.bytes for (letter_id,) in replayed}


def _id_bytes(text: str) -> bytes:
    parsed = parse_id(text)
    return b"" if parsed is None else parsed.bytes


def _not_there() -> Rejection:
    return Rejection("not_found", "id", "there is no such dead letter: it was discarded or let go, or never was")


def _require_kept(row: Row, intake: Intake) -> None:
    """A letter may be older than events are kept, and its event has no other time than the letter's."""
    if intake.oldest_us is not None and row[_TIMESTAMP] < intake.oldest_us:  # type: ignore[operator]
        raise Rejection("timestamp_too_old", "timestamp", f"events before {iso(intake.oldest_us)} are not kept")
