"""How many exports run at once, and what they have given away."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import Overloaded


class TooManyExports(Overloaded):
    """As many exports are running as may. Ask again when one has ended."""

    retry_after_seconds = 10


class Exports:
    """A bound on concurrent exports, each of which holds a thread and a read transaction. For any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self.running = 0
        self.events: Counter[str] = Counter()
        """Events in completed exports, by format."""

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around an export; raises ``TooManyExports``."""
        with self._lock:
            if self.running >= self._limit:
                raise TooManyExports(f"{self.running} exports run already: ask again when one has ended")
            self.running += 1
        try:
            yield
        finally:
            with self._lock:
                self.running -= 1

    def completed(self, format_name: str, events: int) -> None:
        with self._lock:
            self.events[format_name] += events
