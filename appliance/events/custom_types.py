"""How many custom types a log can hold, and which it has promised to take."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from appliance.events.types import FIRST_CUSTOM_KEY

MOST_CUSTOM_TYPES: Final = 65_536 - FIRST_CUSTOM_KEY
"""A type's narrow key has 16 bits."""


class CustomTypes:
    """The custom types that events may have: those the log has, and new ones while keys are left for them.

    A type counts from the moment that its first event is judged, not when it is stored: so what was judged good
    can't turn out to have no key, however many requests bring new types at once. One whose event is not stored in
    the end is given back by a restart.
    """

    def __init__(self, most: int = MOST_CUSTOM_TYPES) -> None:
        self._most = most
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def admit(self, event_type: str) -> bool:
        """Whether events of this type can be stored; from any thread."""
        if event_type in self._taken:
            return True
        with self._lock:
            if len(self._taken) < self._most:
                self._taken.add(event_type)
            return event_type in self._taken

    def add_stored(self, event_types: Iterable[str]) -> None:
        """Count the types that have keys already."""
        with self._lock:
            self._taken.update(event_types)
