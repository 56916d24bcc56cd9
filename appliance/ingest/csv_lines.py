"""Events in CSV: a header with the names of the event's fields, and a row for each event.

``properties`` is a JSON object in one cell; a column of any other name becomes a property. An empty cell is
a missing value. Cells are text and stay text, but for ``properties`` and for a time of nine digits or more,
which is a number of Unix seconds, milliseconds or microseconds.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from appliance.ingest.event_line import event_line
from appliance.ingest.lines import MAX_LINE_BYTES, Line, split_lines
from appliance.ingest.pieces import FileDamaged

_NUMBER: Final = re.compile(r"-?\d{9,}(\.\d+)?", re.ASCII)
_TIMES: Final = ("timestamp", "received_at")
_REQUIRED: Final = ("event_type", "user_id")


def csv_lines(pieces: Iterable[bytes]) -> Iterator[Line]:
    """The rows as events; each has the number of the line on which it begins.

    Raises ``FileDamaged`` where the header can't be used.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    text = _Text(pieces)
    reader = csv.reader(text, strict=True)
    header = _header(reader)
    while True:
        number = reader.line_num + 1
        text.since_row.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield Line(number, text.raw(), f"the row is not CSV: {fault}")
            continue
        if cells:
            yield _line(number, header, cells, text)


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

    def raw(self) -> bytes:
        return b"".join(self.since_row).rstrip(b"\r\n")[:MAX_LINE_BYTES]


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
    for name in _REQUIRED:
        if name not in names:
            raise FileDamaged(f"the header lacks the column {name}")
    return names


def _line(number: int, header: list[str], cells: list[str], text: _Text) -> Line:
    if len(cells) != len(header):
        return Line(number, text.raw(), f"the row has {len(cells)} cells, and the header {len(header)}")
    fields: dict[str, Any] = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
    for name in _TIMES:
        if name in fields and _NUMBER.fullmatch(fields[name]):
            fields[name] = float(fields[name]) if "." in fields[name] else int(fields[name])
    try:
        return Line(number, event_line(fields))
    except UnicodeEncodeError:
        return Line(number, text.raw(), "the row is not UTF-8")
