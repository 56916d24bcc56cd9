"""What became of SQL queries since the start, for the metrics page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import ApplianceError


class SqlCounts:
    """One event loop counts; any thread may read, of a copy."""

    def __init__(self) -> None:
        self.running = 0
        """Queries that run or wait now."""
        self.outcomes: Counter[str] = Counter({"answered": 0})
        """``answered``, or the code of the error."""

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around a query."""
        self.running += 1
        try:
            yield
        except ApplianceError as fault:
            self.outcomes[fault.code] += 1
            raise
        else:
            self.outcomes["answered"] += 1
        finally:
            self.running -= 1
