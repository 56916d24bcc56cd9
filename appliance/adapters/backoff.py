"""How long to wait before the next try: exponential, with full jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FIRST_SECONDS: Final = 0.5
MOST_SECONDS: Final = 60.0
# Beyond this the bound is reached by far, and a power of two would only grow.
_MOST_DOUBLINGS: Final = 16


@dataclass(slots=True)
class Backoff:
    """Waits that double from ``first`` to ``most`` seconds, each drawn at random from zero up to its bound.

    The jitter keeps mirrors, and many appliances, from coming back to a service at the same moment. The shortest wait
    is a tenth of ``first``, so that a target that fails at once is never asked in a busy loop.
    """

    first: float = FIRST_SECONDS
    most: float = MOST_SECONDS
    uniform: Callable[[float, float], float] = random.uniform
    failures: int = 0

    def failed(self) -> float:
        """Seconds to wait after one more failure."""
        bound = min(self.most, self.first * 2 ** min(self.failures, _MOST_DOUBLINGS))
        self.failures += 1
        return max(self.first / 10, self.uniform(0.0, bound))

    def succeeded(self) -> None:
        """Begin anew with the shortest waits."""
        self.failures = 0
