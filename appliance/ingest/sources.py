"""Files to import: a path or standard input, in any of the formats, compressed or not."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, Final

from appliance.ingest.csv_lines import csv_lines
from appliance.ingest.file_formats import FileFormat, bare_name
from appliance.ingest.lines import Line, ndjson_lines
from appliance.ingest.pieces import pieces

STDIN: Final = "-"
_PARQUET_MAGIC: Final = b"PAR1"


@dataclass(slots=True)
class FileSource:
    """A ``Source`` over a path, or over ``-``; ``on_read`` hears how many of its bytes have been read."""

    origin: str
    format: FileFormat
    on_read: Callable[[int], object] = field(default=lambda _: None)

    @property
    def name(self) -> str:
        return bare_name(self.origin)

    def lines(self) -> Iterator[Line]:
        with self._open() as file:
            watched = _Watched(file, self.on_read)
            if self.format == "parquet":
                yield from _parquet(watched)
            else:
                yield from (csv_lines if self.format == "csv" else ndjson_lines)(pieces(watched))

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        if self.origin == STDIN:
            yield sys.stdin.buffer
        else:
            with Path(self.origin).open("rb") as file:
                yield file


@dataclass(slots=True)
class SpooledSource:
    """What standard input brings, kept in a file so that it can be read twice."""

    source: FileSource
    file: IO[bytes]

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def origin(self) -> str:
        return self.source.origin

    def lines(self) -> Iterator[Line]:
        self.file.seek(0)
        return FileSource(self.file.name, self.source.format).lines()


@contextmanager
def rereadable(source: FileSource) -> Iterator[FileSource | SpooledSource]:
    """The source, its content spooled to a temporary file where it can be read only once."""
    if source.origin != STDIN and Path(source.origin).is_file():
        yield source
        return
    with tempfile.NamedTemporaryFile(prefix="appliance-import-") as file:
        with ExitStack() as stack:
            content = stack.enter_context(source._open())  # noqa: SLF001 - of this very module
            shutil.copyfileobj(content, file)
        file.flush()
        yield SpooledSource(source, file)


class _Watched:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, on_read: Callable[[int], object]) -> None:
        self.file = file
        self._on_read = on_read
        self._read = 0

    def read1(self, size: int, /) -> bytes:
        piece: bytes = self.file.read1(size)  # type: ignore[attr-defined]
        self._read += len(piece)
        self._on_read(self._read)
        return piece


def _parquet(watched: _Watched) -> Iterator[Line]:
    """Parquet is read from its end: what isn't a plain file is copied to one first."""
    from appliance.ingest.parquet_lines import parquet_lines  # noqa: PLC0415 - slow to import

    if watched.file.seekable():
        head = watched.file.read(len(_PARQUET_MAGIC))
        watched.file.seek(0)
        if head == _PARQUET_MAGIC:
            yield from parquet_lines(watched.file)
            return
    with tempfile.TemporaryFile(prefix="appliance-import-") as copy:
        for piece in pieces(watched):
            copy.write(piece)
        copy.seek(0)
        yield from parquet_lines(copy)
