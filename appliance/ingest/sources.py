"""Files to import: a path or standard input, in any of the formats, compressed or not."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, BinaryIO, Final

from appliance.ingest.csv_lines import csv_lines
from appliance.ingest.file_formats import FileFormat, bare_name
from appliance.ingest.lines import Line, ndjson_lines
from appliance.ingest.mapping import Mapping
from appliance.ingest.pieces import pieces
from appliance.ingest.told import Told

STDIN: Final = "-"
_PARQUET_MAGIC: Final = b"PAR1"
_LOOKED_AT_BYTES: Final = 64 << 10


@dataclass(slots=True)
class FileSource:
    """A ``Source`` over a path, or over ``-``."""

    origin: str
    format: FileFormat
    mapping: Mapping | None = None
    told: Told = field(default_factory=Told)

    @property
    def name(self) -> str:
        return bare_name(self.origin)

    def lines(self, after: int = 0) -> Iterator[Line]:
        with self._open() as file:
            watched = _Watched(file, self.told.on_read)
            if self.format == "parquet":
                yield from _parquet(watched, self.mapping, after, self.told)
            elif self.format == "csv":
                yield from csv_lines(pieces(watched), self.mapping, after=after, told=self.told)
            else:
                yield from (line for line in ndjson_lines(pieces(watched)) if line.number > after)

    def digest(self) -> str:
        """Looks at the file's name, size, beginning and end, and at how it is to be read."""
        path = Path(self.origin)
        if self.origin == STDIN or not path.is_file():
            return ""
        digest = hashlib.blake2b(digest_size=16)
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            mapping = b"" if self.mapping is None else self.mapping.text()
            for part in (self.name.encode("utf-8", "surrogateescape"), b"%d" % size, self.format.encode(), mapping):
                digest.update(b"%d:%b" % (len(part), part))
            file.seek(0)
            digest.update(file.read(_LOOKED_AT_BYTES))
            file.seek(max(0, size - _LOOKED_AT_BYTES))
            digest.update(file.read(_LOOKED_AT_BYTES))
        return digest.hexdigest()

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

    def lines(self, after: int = 0) -> Iterator[Line]:
        self.file.seek(0)
        return replace(self.source, origin=self.file.name).lines(after)

    def digest(self) -> str:
        return ""


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


def _parquet(watched: _Watched, mapping: Mapping | None, after: int, told: Told) -> Iterator[Line]:
    """Parquet is read from its end: what isn't a plain file is copied to one first."""
    from appliance.ingest.parquet_lines import parquet_lines  # noqa: PLC0415 - slow to import

    if watched.file.seekable():
        head = watched.file.read(len(_PARQUET_MAGIC))
        watched.file.seek(0)
        if head == _PARQUET_MAGIC:
            yield from parquet_lines(watched.file, mapping, after=after, told=told)
            return
    with tempfile.TemporaryFile(prefix="appliance-import-") as copy:
        for piece in pieces(watched):
            copy.write(piece)
        copy.seek(0)
        yield from parquet_lines(copy, mapping, after=after, told=replace(told, on_read=lambda _: None))
