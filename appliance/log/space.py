"""Free space under the data folder, watched so that writing stops before the disk is full."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance.clock import Clock
from appliance.errors import LogUnavailable, StorageFull

_LOOK_EVERY_SECONDS: Final = 0.25
# With less than this to spare, each commit could be the one too many: then it is looked up every time.
_AMPLE_BYTES: Final = 256 * 1024 * 1024


class SpaceWatch:
    """Whether at least ``min_free_bytes`` are free below ``folder``, beside what ``spoken_for`` says.

    Spoken for is the room that the next checkpoint will take. With no folder there is always room.
    """

    def __init__(
        self, folder: Path | None, min_free_bytes: int, clock: Clock, spoken_for: Callable[[], int] = lambda: 0
    ) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._spoken_for = spoken_for
        self._clock = clock
        self._looked_at = float("-inf")
        self._free_bytes = 0
        self._spoken_bytes = 0

    def free_bytes(self) -> int | None:
        """Bytes free to this process, ``None`` without a folder; a quarter of a second old where there is plenty.

        Raises ``LogUnavailable`` where the folder can't be looked at: what is written then may have no name any more.
        """
        if self._folder is None:
            return None
        now = self._clock.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_SECONDS or self._spare_bytes() < _AMPLE_BYTES:
            self._look(self._folder)
            self._looked_at = now
        return self._free_bytes

    def has_room(self) -> bool:
        """Whether events may be written; looked up as often as ``free_bytes``."""
        try:
            return self._has_room()
        except LogUnavailable:
            return False

    def fits_checkpoint(self) -> bool:
        """Whether a checkpoint finds the room it takes; raises as ``free_bytes``."""
        free = self.free_bytes()
        return free is None or free >= self._spoken_bytes

    def require(self) -> None:
        """Raise ``StorageFull`` when there is too little room to write, and what ``free_bytes`` raises."""
        if not self._has_room():
            raise StorageFull

    def _look(self, folder: Path) -> None:
        try:
            found = os.statvfs(folder)
            self._spoken_bytes = self._spoken_for()
        except OSError as fault:
            raise LogUnavailable(f"the data folder can't be looked at: {fault.strerror}") from fault
        self._free_bytes = found.f_bavail * found.f_frsize

    def _has_room(self) -> bool:
        return self.free_bytes() is None or self._spare_bytes() >= 0

    def _spare_bytes(self) -> int:
        return self._free_bytes - self._min_free_bytes - self._spoken_bytes
