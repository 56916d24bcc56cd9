"""How long to wait before the next try: exponential, with jitter, so that many don't come back at the same moment."""

from __future__ import annotations

import random
from typing import Final

_FIRST_SECONDS: Final = 0.25
_MOST_SECONDS: Final = 10.0
_MOST_DOUBLINGS: Final = 10


def pause_seconds(failures: int) -> float:
    """Seconds to wait after so many failures in a row, one at least."""
    bound = min(_MOST_SECONDS, _FIRST_SECONDS * 2 ** min(failures - 1, _MOST_DOUBLINGS))
    return random.uniform(bound / 2, bound)  # noqa: S311 - spreads load, guards nothing
