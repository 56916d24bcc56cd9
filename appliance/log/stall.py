"""Whether the disk still answers: what the writer is at, for how long, and whether that is longer than it may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from appliance.clock import Clock


@dataclass(frozen=True, slots=True)
class Step:
    """Something that the writer does; ``most_seconds`` is what no healthy disk needs for it."""

    name: str
    most_seconds: float
    holds_readers: bool
    """Whether DuckDB begins no transaction meanwhile, not even one that reads."""


COMMIT: Final = Step("a commit", 5.0, holds_readers=True)
CHECKPOINT: Final = Step("a checkpoint", 30.0, holds_readers=True)
JOB: Final = Step("a job", 120.0, holds_readers=False)


class StallWatch:
    """What the writer is at. Written by its thread, read by any, without a lock: it must answer when that hangs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._present: tuple[Step, float] | None = None

    @contextmanager
    def at(self, step: Step) -> Iterator[None]:
        """The writer is at ``step`` within; steps may be nested."""
        before, self._present = self._present, (step, self._clock.monotonic())
        try:
            yield
        finally:
            self._present = before

    def reason(self, *, for_readers: bool = False) -> str | None:
        """Why nothing is committed, or with ``for_readers`` nothing read; ``None`` where all goes its way."""
        present = self._present
        if present is None:
            return None
        step, since = present
        seconds = self._clock.monotonic() - since
        if seconds <= step.most_seconds or (for_readers and not step.holds_readers):
            return None
        return f"the writer has been at {step.name} for {seconds:.0f} s: the disk does not answer"
