"""Where the dashboard gets its figures from: one snapshot for all viewers, encoded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Snapshot(Protocol):
    """All figures as of one instant. Immutable."""

    @property
    def version(self) -> int:
        """Differs from the version of every other snapshot of this process."""

    @property
    def as_of_us(self) -> int:
        """The instant of the figures that move, in microseconds UTC."""

    @property
    def encoded(self) -> bytes:
        """The snapshot as UTF-8 JSON text: an object with ``version``, ``as_of``, ``metrics`` and what pages show."""


class Feed(Protocol):
    """A source of snapshots."""

    def latest(self) -> Snapshot | None:
        """The newest snapshot, or ``None`` before the first. Never blocks; any thread may ask."""

    def subscribe(self, callback: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call ``callback`` with each new snapshot, from any thread, until the returned function is called.

        The callback returns at once and never raises. A feed may rest while nobody is subscribed; it then takes a
        snapshot soon after somebody is.
        """
