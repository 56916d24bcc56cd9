"""What one poll brings of one partition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

NO_TIMESTAMP: Final = -1

Header = tuple[str, bytes | None]


class Message(NamedTuple):
    """One message, undecoded."""

    offset: int
    timestamp_ms: int
    """``NO_TIMESTAMP`` where it has none."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


@dataclass(slots=True)
class Chunk:
    """Messages of one partition that follow each other, in order; ``next`` is the offset behind the last.

    Without messages it still moves ``next``: over aborted transactions, or over what can't be read.
    """

    topic: str
    partition: int
    next: int
    messages: list[Message] = field(default_factory=list)
    broken: Broken | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A stretch of offsets whose records can't be taken apart."""

    first: int
    reason: str
    raw: bytes
