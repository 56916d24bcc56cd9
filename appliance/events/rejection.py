"""Why an event was not taken, and the record that is kept of it."""

from __future__ import annotations

from dataclasses import dataclass


class Rejection(Exception):
    """One event can't be taken; the others of its batch are not concerned.

    ``code`` is stable and documented, ``field`` a dotted path or ``None`` for the event as a whole,
    ``message`` says what is wrong and how to put it right. It never quotes the value.
    """

    def __init__(self, code: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected event as it came, kept so that it can be looked at, mended and replayed."""

    received_us: int
    source: str
    code: str
    field: str | None
    message: str
    payload: bytes
    origin: str | None = None
    """Where in the source it stood: ``topic/partition/offset`` or ``file:line``."""
    id: bytes = b""
    """A UUID's 16 bytes where the source names the event, so that it is kept once; else the log makes one."""
