"""Whether Kafka can be read from, and how far behind the log is. Written by the consumer's thread, read by any."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

import structlog

from appliance.clock import Clock
from appliance.ingest.kafka.counts import KafkaStatus
from appliance.ingest.kafka.owned import Owned, Ownership

_logger = structlog.get_logger(__name__)

SILENT_SECONDS: Final = 3.0
"""After so long without a message the broker is asked whether it is there."""


WAITING: Final = "the consumer group has not given out its partitions yet"


@dataclass(slots=True)
class Health:
    """Says each change once."""

    clock: Clock
    detail: Callable[[], str] = str
    """What the library complained of last, or nothing."""
    error: str | None = "not connected yet"
    _told: str | None = None
    _heard_at: float = float("-inf")
    _lag_events: int = 0
    _behind_ms: int | None = None

    def heard(self) -> None:
        """Kafka has answered."""
        self._heard_at = self.clock.monotonic()
        if self.error is None:
            return
        self.error = None
        if self._told is not None:
            _logger.info("events are taken from Kafka again")
            self._told = None

    def waiting(self) -> None:
        """Kafka is there, and the group has not given out its partitions yet: nothing is known of a lag."""
        self.error = WAITING
        self._heard_at = self.clock.monotonic()

    def failed(self, why: str) -> None:
        """It hasn't, or what it answered stops everything."""
        detail = self.detail()
        self.error = f"{why} ({detail})" if detail else why
        if self._told is None:
            _logger.warning("no events are taken from Kafka now", reason=self.error)
            self._told = why

    def is_silent(self) -> bool:
        """Whether it is time to ask."""
        return self.clock.monotonic() - self._heard_at > SILENT_SECONDS

    def measure(self, parts: Collection[Owned], ownership: Ownership) -> None:
        """Look how far behind the log is."""
        lag, oldest_ms = 0, None
        for owned in parts:
            reached = ownership.reached(owned)
            behind = owned.end - (owned.first if reached is None else reached)
            if behind <= 0:
                owned.last_ms = None
                continue
            lag += behind
            owned.last_ms = owned.last_ms or self.clock.now_us() // 1_000
            oldest_ms = min(oldest_ms or owned.last_ms, owned.last_ms)
        self._lag_events, self._behind_ms = lag, oldest_ms

    def status(self) -> KafkaStatus:
        """As of now."""
        behind_ms = self._behind_ms
        seconds = 0.0 if behind_ms is None else max(0.0, self.clock.now_us() / 1e6 - behind_ms / 1e3)
        error = self.error
        return KafkaStatus("up" if error is None else "down", error, self._lag_events, seconds)
