"""A place in the event log, opaque to those who keep one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import total_ordering


@total_ordering
@dataclass(frozen=True, slots=True)
class Position:
    """How far a follower has read. Ordered within one log; positions of two logs don't compare.

    ``identity`` names the log and is made anew when a backup is restored, so that a cursor into
    another history is recognised. ``seq`` is the log's own affair: followers only keep it.
    """

    identity: str
    seq: int

    def __lt__(self, other: Position) -> bool:
        if self.identity != other.identity:
            raise ValueError("the positions belong to different logs")
        return self.seq < other.seq

    def __str__(self) -> str:
        return f"{self.identity}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The position whose text form is ``text``; raises ``ValueError`` where it is none."""
        identity, separator, seq = text.rpartition(":")
        if not separator or not identity or not seq.isdecimal():
            raise ValueError("not the text of a position")
        return cls(identity, int(seq))
