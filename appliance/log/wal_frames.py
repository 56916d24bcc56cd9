"""Whether a write-ahead log is whole, looked at before DuckDB opens it.

DuckDB checks each entry's sum and refuses a file where one is wrong. But an entry whose length reaches beyond the file
counts as the torn end of a crash, and so does a header that it can't read: what follows is dropped in silence, and the
file with it. Behind a torn end nothing was acknowledged. Behind a damaged length there may be everything.
"""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

_LENGTH_AND_SUM: Final = struct.Struct("<QQ")
MOST_TORN_ENDS: Final = 10
_COPIED_AT_ONCE: Final = 1 << 20
_HEADER_BYTES: Final = 256  # more than it ever has
# The header is a serialised object: field 100 is the kind of the entry (98, the version), 101 the version itself,
# 102 the database's identifier, 103 the checkpoint it follows; then comes the end.
_FULL_HEADER_BYTES: Final = 32
_VERSION: Final = bytes([100, 0, 98, 101, 0])
_IDENTIFIER, _ITERATION, _END = b"\x66\x00", b"\x67\x00", b"\xff\xff"


@dataclass(frozen=True, slots=True)
class WalFrames:
    """What the entries' lengths say of a file."""

    size: int
    has_header: bool
    whole_bytes: int
    """Up to here one entry follows the other; less than ``size`` where the last one is torn, or a length is wrong."""

    @property
    def is_whole(self) -> bool:
        return self.has_header and self.whole_bytes == self.size


def read_frames(path: Path) -> WalFrames:
    """Walk through the entries by their lengths: reads 16 bytes of each."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        if _is_unwritten(head):
            return WalFrames(size, has_header=True, whole_bytes=0)
        position = _header_end(head)
        if position is None:
            return WalFrames(size, has_header=False, whole_bytes=0)
        return WalFrames(size, has_header=True, whole_bytes=_last_whole(file, position, size))


def set_torn_end_aside(wal: Path, frames: WalFrames) -> Path | None:
    """Copy what DuckDB is about to drop into a file beside the log; ``None`` where there is no room for it.

    The latest ten of these files are kept.
    """
    aside = wal.with_name(f"{wal.name}.torn-{wal.stat().st_mtime_ns}")
    try:
        with wal.open("rb") as file, aside.open("wb") as copy:
            file.seek(frames.whole_bytes)
            shutil.copyfileobj(file, copy, _COPIED_AT_ONCE)
    except OSError:
        aside.unlink(missing_ok=True)
        return None
    for older in sorted(wal.parent.glob(f"{wal.name}.torn-*"))[:-MOST_TORN_ENDS]:
        older.unlink(missing_ok=True)
    return aside


def _last_whole(file: BinaryIO, position: int, size: int) -> int:
    while position + _LENGTH_AND_SUM.size <= size:
        file.seek(position)
        length, _ = _LENGTH_AND_SUM.unpack(file.read(_LENGTH_AND_SUM.size))
        following = position + _LENGTH_AND_SUM.size + length
        if length == 0 or following > size:
            break
        position = following
    return position


def _is_unwritten(head: bytes) -> bool:
    """Whether a crash came before the header was on the disk, and with it anything else."""
    return not head.strip(b"\0") or (len(head) < _FULL_HEADER_BYTES and _VERSION.startswith(head[: len(_VERSION)]))


def _header_end(head: bytes) -> int | None:
    """Where the first entry begins; ``None`` where the header is not one."""
    if not head.startswith(_VERSION):
        return None
    position = _after_number(head, len(_VERSION))
    if head[position : position + 2] == _IDENTIFIER:
        position = _after_number(head, position + 2)
        for _ in range(16):
            position = _after_number(head, position)
    if head[position : position + 2] == _ITERATION:
        position = _after_number(head, position + 2)
    return position + 2 if head[position : position + 2] == _END else None


def _after_number(head: bytes, position: int) -> int:
    """The place behind a number of seven bits a byte."""
    while position < len(head) and head[position] & 0x80:
        position += 1
    return position + 1
