"""Readers that may take long and much: known by name, so that what must not wait for them doesn't."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_PATIENCE_SECONDS: Final = 2.0


class LongReaders:
    """Those that read at the moment; any thread may ask."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._ends: list[Callable[[], object]] = []
        self._held_off = False

    @contextmanager
    def reading(self, end: Callable[[], object]) -> Iterator[None]:
        """Around what reads long; waits first while such readers are held off.

        ``end`` is called, from any thread, when it has to end because events need the memory.
        """
        with self._change:
            self._change.wait_for(lambda: not self._held_off)
            self._ends.append(end)
        try:
            yield
        finally:
            with self._change:
                self._ends.remove(end)
                self._change.notify_all()

    @contextmanager
    def held_off(self, *, unless: Callable[[], bool]) -> Iterator[bool]:
        """Whether nobody reads long and ``unless`` is false; if so, none begins before the block ends."""
        with self._change:
            alone = self._held_off = not self._ends and not unless()
        try:
            yield alone
        finally:
            if alone:
                with self._change:
                    self._held_off = False
                    self._change.notify_all()

    def end(self) -> bool:
        """End those that read, and wait a moment for them to let go; whether there were any."""
        with self._change:
            ends = list(self._ends)
            for end in ends:
                end()
            self._change.wait_for(lambda: not self._ends, _PATIENCE_SECONDS)
        return bool(ends)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until nobody reads long; ``False`` where that takes longer."""
        with self._change:
            return self._change.wait_for(lambda: not self._ends, timeout_seconds)
