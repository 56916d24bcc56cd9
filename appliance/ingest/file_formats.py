"""Which format a file of events has, by its name."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final, Literal

FileFormat = Literal["ndjson", "csv", "parquet"]
Compression = Literal["gzip", "zstd"]

_FORMATS: Final[dict[str, FileFormat]] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".parquet": "parquet",
}
_COMPRESSIONS: Final[dict[str, Compression]] = {".gz": "gzip", ".zst": "zstd"}


def format_of(path: str) -> FileFormat | None:
    """The format that the suffix says, one of a compression passed over; ``None`` where it says none."""
    return _FORMATS.get(PurePath(bare_name(path)).suffix.lower())


def compression_of(path: str) -> Compression | None:
    return _COMPRESSIONS.get(PurePath(path).suffix.lower())


def bare_name(path: str) -> str:
    """The file's name without its folder and without the suffix of a compression."""
    name = PurePath(path)
    return name.stem if compression_of(path) else name.name
