"""Dead letters as people and programs look at them."""

from __future__ import annotations

import base64
import codecs
import uuid
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from appliance.clock import iso
from appliance.errors import BadArgument, NotFound
from appliance.log.dead_letters import KEPT_BYTES
from appliance.sql import queries

DEFAULT_LIMIT: Final = 100
MOST_LISTED: Final = 1_000
_PAGE_BYTES: Final = 16 << 20
"""Payloads of one answer; a list ends early where more would come."""
_SQL: Final = queries("appliance.ingest", "dead_letters.sql")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters; ``None`` stands for all. Received from ``from_us`` on and before ``to_us``."""

    source: str | None = None
    code: str | None = None
    from_us: int | None = None
    to_us: int | None = None

    def plain(self) -> dict[str, Any]:
        return {"source": self.source, "code": self.code, "from_us": self.from_us, "to_us": self.to_us}


def list_letters(
    cursor: duckdb.DuckDBPyConnection, wanted: Filter, *, limit: int = DEFAULT_LIMIT, before: str | None = None
) -> dict[str, Any]:
    """``{"dead_letters": […], "total": …}``: newest first, those of one batch last to first.

    ``before`` is the id of a letter, and then those that follow it come. ``total`` counts all that match the
    filter. Raises ``BadArgument`` for an id that no letter has.
    """
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    try:
        before_us, before_place = (None, None) if before is None else _place(cursor, before)
        (total,) = cursor.execute(_SQL["total"], wanted.plain()).fetchall()[0]
        page = cursor.execute(
            _SQL["page"],
            wanted.plain()
            | {"limit": limit, "before_us": before_us, "before_place": before_place}
            | {"kept_bytes": KEPT_BYTES, "most_bytes": _PAGE_BYTES},
        ).fetchall()
    finally:
        cursor.execute("ROLLBACK")
    return {"dead_letters": [_plain(row) for row in page], "total": total}


def show_letter(cursor: duckdb.DuckDBPyConnection, letter_id: str) -> dict[str, Any]:
    """One letter as in the list; raises ``NotFound``."""
    parsed = parse_id(letter_id)
    found = cursor.execute(_SQL["one"], {"id": str(parsed)}).fetchone() if parsed is not None else None
    if found is None:
        raise NotFound("there is no such dead letter: it was replayed, discarded or let go, or never was")
    return _plain(found)


def parse_id(text: str) -> uuid.UUID | None:
    """The id that a text writes; ``None`` where it writes none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _place(cursor: duckdb.DuckDBPyConnection, before: str) -> tuple[int, int]:
    parsed = parse_id(before)
    found = cursor.execute(_SQL["place"], {"id": str(parsed)}).fetchone() if parsed is not None else None
    if found is None:
        raise BadArgument("send the id of a letter that is there; this one is not: begin again", field="before")
    return found[0], found[1]


def _plain(row: tuple[Any, ...]) -> dict[str, Any]:
    letter_id, received_us, source, code, field, message, origin, payload, payload_bytes = row
    is_cut = payload_bytes > len(payload)
    text, encoding = _as_text(payload, is_cut=is_cut)
    plain = {
        "id": str(letter_id),
        "received_at": iso(received_us),
        "source": source,
        "code": code,
        "field": field,
        "message": message,
        "payload": text,
        "payload_encoding": encoding,
    }
    if origin is not None:
        plain["origin"] = origin
    if is_cut:
        plain["payload_bytes"] = payload_bytes
    return plain


def _as_text(payload: bytes, *, is_cut: bool) -> tuple[str, str]:
    try:
        # the cut may have gone through a character, whose beginning is left out
        return codecs.getincrementaldecoder("utf-8")().decode(payload, final=not is_cut), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(payload).decode(), "base64"
