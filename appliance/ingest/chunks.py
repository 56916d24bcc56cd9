"""What an import hands over at once, as the command line and the server pass it between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from appliance.ingest.lines import Fault, Line

CHUNK_LINES: Final = 20_000
CHUNK_BYTES: Final = 8 << 20
MAX_CHUNK_BYTES: Final = 16 << 20
"""What a server takes at most: a full chunk, one line of the longest kind, and the framing."""


class Chunk(msgspec.Struct, frozen=True):
    """Lines of one file, in order. ``numbers``, ``events`` (JSON) and ``faults`` go together."""

    name: str
    """What the file is called, for ids of events that bring none: see ``importer.line_id``."""
    origin: str
    """The file as its owner named it; a dead letter's origin is ``{origin}:{number}``."""
    numbers: list[int]
    events: list[bytes]
    faults: list[str | Fault | None]
    only_check: bool = False
    as_of_us: int | None = None
    """Judge as of this instant instead of now, so that a second pass can't come to another verdict."""
    source: str = ""
    """Which import this belongs to, where it can be resumed: see ``receiver.Receiver``."""


class Refused(msgspec.Struct, frozen=True):
    """A line that can't be an event."""

    number: int
    code: str
    field: str | None
    message: str


class Taken(msgspec.Struct, frozen=True):
    """What became of a chunk; of one that was only checked, ``accepted`` counts the good lines."""

    accepted: int
    duplicates: int
    refused: list[Refused]
    as_of_us: int


def chunks(name: str, origin: str, lines: Iterable[Line]) -> Iterator[Chunk]:
    """The lines in chunks of bounded length and size."""
    gathered: list[Line] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line.raw)
        if len(gathered) == CHUNK_LINES or size >= CHUNK_BYTES:
            yield _chunk(name, origin, gathered)
            gathered, size = [], 0
    if gathered:
        yield _chunk(name, origin, gathered)


def _chunk(name: str, origin: str, lines: list[Line]) -> Chunk:
    numbers, events, faults = zip(*lines, strict=True)
    return Chunk(name, origin, list(numbers), list(events), list(faults))
