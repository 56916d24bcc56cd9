"""How many bytes of events may be in memory at once, undecoded or waiting for their commit."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.errors import Overloaded


@dataclass(slots=True)
class ByteBudget:
    """A bound on bytes, used from one event loop. What doesn't fit is refused, never queued."""

    limit_bytes: int
    taken_bytes: int = 0

    def take(self, count: int, *, held: int = 0) -> None:
        """Reserve ``count`` bytes for one that holds ``held`` already.

        Raises ``Overloaded`` where they don't fit beside what others took; alone anything fits, or it never would.
        """
        if self.taken_bytes > held and self.taken_bytes + count > self.limit_bytes:
            raise Overloaded
        self.taken_bytes += count

    def give_back(self, count: int) -> None:
        self.taken_bytes -= count


class Reservation:
    """The part of a budget that one request holds; grows while its body comes in, ends with it."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._taken = 0

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.give_back(self._taken)
        self._taken = 0

    def grow_to(self, count: int) -> None:
        """Hold at least ``count`` bytes; raises ``Overloaded``."""
        if count > self._taken:
            self._budget.take(count - self._taken, held=self._taken)
            self._taken = count
