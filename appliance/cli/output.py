"""Where an export goes: standard output, or a file that appears when it is complete."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from appliance.analytics.export_compression import COMPRESSORS, Compressor
from appliance.ingest.file_formats import compression_of

STDOUT: Final = "-"


class Output:
    """Takes the bytes of a file, compressing them on the way; ``size_bytes`` counts what came out."""

    def __init__(self, file: BinaryIO, compressor: Compressor | None) -> None:
        self._file = file
        self._compressor = compressor
        self.size_bytes = 0

    def write(self, piece: bytes) -> None:
        self._put(piece if self._compressor is None else self._compressor.compress(piece))

    def finish(self) -> None:
        """Write what the compressor holds back, and hand everything to the system."""
        if self._compressor is not None:
            self._put(self._compressor.flush())
        self._file.flush()

    def _put(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            # standard output may be unbuffered (PYTHONUNBUFFERED), and then a write may be a part only
            rest = rest[self._file.write(rest) :]
        self.size_bytes += len(piece)


@contextmanager
def open_output(name: str) -> Iterator[Output]:
    """The output named so on the command line; a file that could not be completed is not left behind."""
    compressor = _compressor(name)
    if name == STDOUT:
        output = Output(sys.stdout.buffer, compressor)
        yield output
        output.finish()
        return
    path = Path(name)
    if path.exists() and not path.is_file():
        # a pipe or a device is written to, not replaced
        with path.open("wb") as file:
            output = Output(file, compressor)
            yield output
            output.finish()
        return
    with _draft(path.resolve()) as file:
        output = Output(file, compressor)
        yield output
        output.finish()


@contextmanager
def _draft(path: Path) -> Iterator[BinaryIO]:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _compressor(name: str) -> Compressor | None:
    compression = compression_of(name)
    return None if compression is None else COMPRESSORS[compression]()
