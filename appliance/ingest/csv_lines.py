"""Events in CSV: a header with the names of the columns, and a row for each event.

Columns are named as the event's fields, or a mapping says what they are. ``properties`` is a JSON object in one cell;
a column of any other name becomes a property. An empty cell is a missing value. Cells are text and stay text, but for
``properties`` and for a time of nine digits or more, which is a number of Unix seconds, milliseconds or microseconds.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

from appliance.ingest.delimiters import sniff_delimiter
from appliance.ingest.event_line import event_line
from appliance.ingest.foreign_values import epoch_or_text
from appliance.ingest.lines import MAX_LINE_BYTES, Line, split_lines
from appliance.ingest.mapped_rows import MappedRows
from appliance.ingest.mapping import EVENT_FIELDS, Mapping
from appliance.ingest.pieces import FileDamaged
from appliance.ingest.told import Told

_TIMES: Final = ("timestamp", "received_at")
_REQUIRED: Final = ("event_type", "user_id")
_SHOWN: Final = 80

_Make = Callable[[int, list[str]], Line]


def csv_lines(
    pieces: Iterable[bytes], mapping: Mapping | None = None, *, after: int = 0, told: Told | None = None
) -> Iterator[Line]:
    """The rows as events, from those that begin after the line ``after``; each has the number of its first line.

    Raises ``FileDamaged`` where the header can't be used.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    told = told or Told()
    text = _Text(_in_utf8(pieces, mapping.encoding if mapping is not None else None))
    reader = csv.reader(text, delimiter=_delimiter(text, mapping, told), strict=True)
    header = _header(reader)
    make = _maker(header, mapping, told)
    while True:
        number = reader.line_num + 1
        text.since_row.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            if number > after:
                yield Line(number, text.raw(), f"the row is not CSV: {fault}")
            continue
        if cells and number > after:
            yield _line(number, header, cells, text, make)


class _Text:
    """The file's lines as text, for the parser, and the bytes of the row that it is about to read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._lines = split_lines(pieces)
        self._number = 0
        self.since_row: list[bytes] = []

    def __iter__(self) -> _Text:
        return self

    def __next__(self) -> str:
        line = next(self._lines) + b"\n"
        self._number += 1
        if len(line) > MAX_LINE_BYTES:
            raise FileDamaged(f"line {self._number} is longer than {MAX_LINE_BYTES:,} bytes")
        self.since_row.append(line)
        return line.decode("utf-8", "surrogateescape")

    def first(self) -> str:
        """The first line, which comes again."""
        line = next(self._lines, None)
        if line is None:
            return ""
        self._lines = chain([line], self._lines)
        return line.decode("utf-8", "surrogateescape")

    def raw(self) -> bytes:
        return b"".join(self.since_row).rstrip(b"\r\n")[:MAX_LINE_BYTES]


def _in_utf8(pieces: Iterable[bytes], encoding: str | None) -> Iterable[bytes]:
    if encoding is None or codecs.lookup(encoding).name == "utf-8":
        return pieces
    return _transcoded(pieces, encoding)


def _transcoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in pieces:
            yield decoder.decode(piece).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as fault:
        raise FileDamaged(f"the file is not {encoding}: name another encoding in the mapping") from fault


def _delimiter(text: _Text, mapping: Mapping | None, told: Told) -> str:
    if mapping is not None and mapping.delimiter is not None:
        return mapping.delimiter
    looked_for = {*EVENT_FIELDS, *(mapping.columns.values() if mapping is not None else ())}
    found = sniff_delimiter(text.first(), looked_for)
    told.on_delimiter(found)
    return found


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        names = next(reader, [])
    except csv.Error as fault:
        raise FileDamaged(f"the header is not CSV: {fault}") from fault
    if not names:
        raise FileDamaged("the file has no header: its first line must name the columns")
    if "" in names:
        raise FileDamaged(f"column {names.index('') + 1} has no name in the header")
    for name in names:
        if names.count(name) > 1:
            raise FileDamaged(f"the header names the column {name!a} twice")
        if not name.isprintable() and any("\udc80" <= character <= "\udcff" for character in name):
            raise FileDamaged(f"the header is not UTF-8 at {name[:_SHOWN]!a}: name its encoding in a mapping")
    return names


def _maker(header: list[str], mapping: Mapping | None, told: Told) -> _Make:
    """What makes events of rows."""
    if mapping is not None:
        rows = MappedRows(mapping, header)
        told.on_columns(rows.placed)
        return rows.line
    for name in _REQUIRED:
        if name not in header:
            raise FileDamaged(f"the header lacks the column {name}: map another one with --map {name}=COLUMN")
    told.on_columns(MappedRows(Mapping(), header).placed)
    return lambda number, cells: Line(number, event_line(_fields(header, cells)))


def _fields(header: list[str], cells: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
    for name in _TIMES:
        if name in fields:
            fields[name] = epoch_or_text(fields[name])
    return fields


def _line(number: int, header: list[str], cells: list[str], text: _Text, make: _Make) -> Line:
    if len(cells) != len(header):
        return Line(number, text.raw(), f"the row has {len(cells)} cells, and the header {len(header)}")
    try:
        return make(number, cells)
    except UnicodeEncodeError:
        return Line(number, text.raw(), "the row is not UTF-8: name its encoding in a mapping")
