"""What the consumer has done since the process began, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["up", "down"]


@dataclass(slots=True)
class KafkaCounts:
    """The consumer's thread counts, when a batch is durable; any may read."""

    messages: int = 0
    events: int = 0
    """Events that were stored: duplicates are no such."""
    duplicates: int = 0
    poison: int = 0
    """Dead letters."""
    nulls: int = 0
    """Messages without a value, which are passed over."""
    size_bytes: int = 0
    rebalances: int = 0
    fenced: int = 0
    """Batches that the log refused because it stood elsewhere."""
    retries: int = 0
    """Batches that the log did not take, and that were read again."""
    expired: int = 0
    """Offsets that Kafka let go before they were read."""
    restarts: int = 0
    """Partitions found to be another topic's, or to end before what was read."""


@dataclass(frozen=True, slots=True)
class KafkaStatus:
    """How it stands at one moment."""

    state: State
    error: str | None
    """Why it isn't up, in words and without secrets."""
    lag_events: int
    """Messages of the partitions read here that the log doesn't hold yet."""
    lag_seconds: float
    """The age of the last message taken, while there are more; 0 when caught up."""

    def part(self) -> dict[str, Any]:
        """As ``/ready`` shows it."""
        return {
            "status": self.state,
            "error": self.error,
            "lag_events": self.lag_events,
            "lag_seconds": round(self.lag_seconds, 3),
        }
