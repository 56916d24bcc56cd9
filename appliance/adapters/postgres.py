"""PostgreSQL: the log's events in the table ``analytics_events``, each once, with the cursor in their transaction."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from appliance.adapters.postgres_rows import as_csv, takable
from appliance.adapters.postgres_session import SQL, Cursor, Session
from appliance.adapters.postgres_shape import Shape
from appliance.adapters.postgres_table import prepare, require_writable
from appliance.adapters.protocol import CursorMoved, MirrorBatch, MirrorContext, Misconfigured, Refuse
from appliance.clock import to_datetime
from appliance.config.services import PostgresSettings
from appliance.log.position import Position

_PIECE_BLOCKS: Final = 10_000
_LONG_SECONDS: Final = 600
"""Erasing and removing may have to go through a large table."""


class PostgresMirror:
    """A ``Mirror`` into PostgreSQL 14 or newer."""

    name = "postgresql"
    history_us: int | None = None

    def __init__(self, settings: PostgresSettings, context: MirrorContext) -> None:  # noqa: ARG002 - as all mirrors
        self._settings = settings
        self._session: Session | None = None
        self._shape: Shape | None = None
        self._expired_us: int | None = None

    def setup(self) -> None:
        self._shape = prepare(self._connected())

    def cursor(self) -> Position | None:
        return _position([row["position"] for row in self._connected().ask("cursor")])

    def write(self, batch: MirrorBatch, refuse: Refuse) -> None:
        with self._connected().transaction() as cursor:
            stands = _position([row["position"] for row in cursor.execute(SQL["lock_cursor"])])
            if stands == batch.position:
                return
            if stands != batch.after:
                raise CursorMoved
            events, refused = takable(batch.events, self._known_shape().longest)
            if refused:
                refuse(refused)
            if len(events):
                _insert(cursor, events)
            moved = cursor.execute(SQL["move_cursor"], {"position": str(batch.position)})
            if moved.rowcount != 1:
                raise CursorMoved

    def erase(self, user_id: str) -> int:
        person = {"user_id": user_id}
        with self._connected().transaction(_LONG_SECONDS) as cursor:
            removed = cursor.execute(SQL["erase"], person).rowcount
            cursor.execute(SQL[f"erase_name_{self._known_shape().properties}"], person)
        return removed

    def reset(self) -> None:
        with self._connected().transaction() as cursor:
            found_rows = any(row["found_rows_with_id"] for row in cursor.execute(SQL["reset"]))
        if not found_rows:
            self._in_pieces("remove_piece", {})

    def expire(self, before_us: int) -> int:
        if not self._settings.expire or self._expired_us == before_us:
            return 0
        removed = self._in_pieces("expire_piece", {"before": to_datetime(before_us)})
        self._expired_us = before_us
        return removed

    def health(self) -> None:
        require_writable(self._connected())

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _connected(self) -> Session:
        if self._session is None:
            self._session = Session(self._settings)
        return self._session

    def _known_shape(self) -> Shape:
        if self._shape is None:
            self._shape = prepare(self._connected())
        return self._shape

    def _in_pieces(self, statement: str, parameters: dict[str, Any]) -> int:
        session = self._connected()
        removed = 0
        for first in range(0, session.ask_one("blocks") + 1, _PIECE_BLOCKS):
            ends = {"first": f"({first},0)", "end": f"({first + _PIECE_BLOCKS},0)"}
            with session.transaction(_LONG_SECONDS) as cursor:
                removed += cursor.execute(SQL[statement], parameters | ends).rowcount
        return removed


def _insert(cursor: Cursor, events: pa.Table) -> None:
    cursor.execute(SQL["stage"])
    with cursor.copy(SQL["copy"]) as copy:
        copy.write(as_csv(events))
    cursor.execute(SQL["insert"])


def _position(texts: list[str | None]) -> Position | None:
    if not texts or texts[0] is None:
        return None
    try:
        return Position.parse(texts[0])
    except ValueError:
        raise Misconfigured(
            "analytics_events_mirror holds no position of a log: appliance mirrors rebuild postgresql"
        ) from None
