"""The lines of a file, numbered as an editor numbers them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

MAX_LINE_BYTES: Final = 1 << 20
"""Longer lines are refused: no event comes near, and a file without line ends must not fill the memory."""
_KEPT_BYTES: Final = 1 << 16
_BLANKS: Final = b" \t\r\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Fault(msgspec.Struct, frozen=True):
    """Why a line that is JSON can't be an event, in the terms of a rejection."""

    code: str
    field: str
    message: str


class Line(NamedTuple):
    """One event as a file has it: its JSON, and the number of the line (of Parquet: the row) it begins at."""

    number: int
    raw: bytes
    fault: str | Fault | None = None
    """``None`` as a rule. Text: why it can't even be read, with ``raw`` as it stands in the file."""


def ndjson_lines(pieces: Iterable[bytes]) -> Iterator[Line]:
    """The lines that are not blank."""
    for number, line in enumerate(split_lines(pieces), start=1):
        if len(line) > MAX_LINE_BYTES:
            yield too_long(number, line)
        elif raw := line.strip(_BLANKS):
            yield Line(number, raw)


def too_long(number: int, line: bytes) -> Line:
    """A line whose end was never read; what is kept of it is its beginning."""
    return Line(number, line[:_KEPT_BYTES], f"the line is longer than {MAX_LINE_BYTES:,} bytes")


def split_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    r"""The lines without their ``\n`` and without a byte order mark.

    Of a line longer than ``MAX_LINE_BYTES`` only the beginning comes, longer than that by a byte.
    """
    rest = b""
    at_start = True
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield _bounded(line.removeprefix(_BYTE_ORDER_MARK) if at_start else line)
            at_start = False
        rest = _bounded(rest)
    if rest:
        yield _bounded(rest.removeprefix(_BYTE_ORDER_MARK) if at_start else rest)


def _bounded(line: bytes) -> bytes:
    return line[: MAX_LINE_BYTES + 1] if len(line) > MAX_LINE_BYTES else line
