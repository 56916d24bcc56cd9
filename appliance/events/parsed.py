"""An event's fields as they came, before any rule but JSON's own was applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

KNOWN_FIELDS: Final = (
    "event_type",
    "user_id",
    "timestamp",
    "session_id",
    "campaign_id",
    "event_id",
    "received_at",
    "properties",
)


class ParsedEvent(NamedTuple):
    """An event's fields as they were sent, unchecked; ``None`` where missing or null."""

    event_type: Any
    user_id: Any
    timestamp: Any
    session_id: Any
    campaign_id: Any
    event_id: Any
    received_at: Any
    properties: dict[str, Any]
    properties_text: str


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Bounds on one event: bytes of its ``properties`` as sent, and levels counting ``properties`` itself."""

    max_properties_bytes: int = 32_768
    max_depth: int = 32

    @property
    def most_event_bytes(self) -> int:
        """Beyond this, blanks apart, an event breaks some rule whatever it holds: it need not be looked at.

        Properties take what they may; unknown fields, written anew, as much, and six times that when each character
        was sent as an escape; the other fields a few kilobytes.
        """
        return 8 * self.max_properties_bytes + 65_536


def one_line(text: str) -> str:
    """JSON without line ends, which stand only between tokens: NDJSON can carry it as it is."""
    return text.replace("\n", " ").replace("\r", " ") if "\n" in text or "\r" in text else text
