"""A mirror in memory: slow, obvious, exact, and held to the same conformance suite as the real ones.

``MemoryTarget`` is the service, which outlives its clients and has switches for everything that can go wrong with it;
``MemoryMirror`` is a client.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.adapters.protocol import (
    BatchRefused,
    CursorMoved,
    Figure,
    MirrorBatch,
    Refuse,
    RefusedEvent,
    Unreachable,
)
from appliance.clock import from_datetime
from appliance.log.position import Position

Event = dict[str, Any]
"""An event's columns by name, as Arrow gives them to Python."""


@dataclass
class MemoryTarget:
    """What is mirrored to. ``events`` keeps an entry for every event applied: one applied twice is there twice."""

    events: list[Event] = field(default_factory=list)
    cursor: Position | None = None
    figures: dict[str, Figure] = field(default_factory=dict)
    alerts: list[Mapping[str, Any]] = field(default_factory=list)

    fault: Exception | None = None
    """Raised by every call while set: ``Unreachable()``, ``Misconfigured()`` or anything else."""
    fail_before: int = 0
    """So many writes from now on fail before they have an effect."""
    fail_after: int = 0
    """So many writes from now on have their effect, and fail then: the outcome is unknown to the caller."""
    refuses: Callable[[Event], str | None] = lambda _event: None
    """The reason why an event is refused for good; ``None``: it isn't."""
    tells_which: bool = True
    """Whether it says which events it refuses; otherwise it refuses the batch."""
    hanging: threading.Event | None = None
    """Calls wait until this is set: for a slow target, or one that never answers."""
    began_to_hang: threading.Event = field(default_factory=threading.Event)
    writes: int = 0

    def clear(self) -> None:
        """Lose everything, as ``FLUSHALL`` does."""
        self.events, self.cursor = [], None

    def answer(self) -> None:
        """Come to an answer, or raise what hinders it."""
        if self.hanging is not None:
            self.began_to_hang.set()
            self.hanging.wait()
        if self.fault is not None:
            raise self.fault


class MemoryMirror:
    """A ``Mirror`` and ``FigureSink`` into a ``MemoryTarget``."""

    def __init__(self, target: MemoryTarget, *, name: str = "memory", history_us: int | None = None) -> None:
        self.target = target
        self.name = name
        self.history_us = history_us
        self.closed = False

    def setup(self) -> None:
        self.target.answer()

    def cursor(self) -> Position | None:
        self.target.answer()
        return self.target.cursor

    def write(self, batch: MirrorBatch, refuse: Refuse) -> None:
        target = self.target
        target.answer()
        target.writes += 1
        if target.fail_before:
            target.fail_before -= 1
            raise Unreachable("the connection broke before anything was written")
        if target.cursor == batch.position:
            return
        if target.cursor != batch.after:
            raise CursorMoved
        self._apply(batch, refuse)
        if target.fail_after:
            target.fail_after -= 1
            raise Unreachable("the connection broke while the answer was awaited")

    def erase(self, user_id: str) -> int:
        self.target.answer()
        kept = [event for event in self.target.events if event["user_id"] != user_id]
        removed = len(self.target.events) - len(kept)
        self.target.events = [_without_name(event, user_id) for event in kept]
        return removed

    def reset(self) -> None:
        self.target.answer()
        self.target.clear()

    def expire(self, before_us: int) -> int:
        self.target.answer()
        kept = [event for event in self.target.events if from_datetime(event["timestamp"]) >= before_us]
        removed = len(self.target.events) - len(kept)
        self.target.events = kept
        return removed

    def health(self) -> None:
        self.target.answer()

    def close(self) -> None:
        self.closed = True

    def publish(self, figures: Mapping[str, Figure]) -> None:
        self.target.answer()
        self.target.figures = {name: value for name, value in figures.items() if value is not None}

    def publish_alert(self, alert: Mapping[str, Any]) -> None:
        self.target.answer()
        self.target.alerts.append(alert)

    def _apply(self, batch: MirrorBatch, refuse: Refuse) -> None:
        taken: list[Event] = []
        refused: list[RefusedEvent] = []
        for event in batch.events.to_pylist():
            reason = self.target.refuses(event)
            if reason is None:
                taken.append(event)
            else:
                refused.append(RefusedEvent(str(event["event_id"]), event["seq"], reason))
        if refused and not self.target.tells_which:
            raise BatchRefused(refused[0].reason)
        if refused:
            refuse(refused)
        self.target.events += taken
        self.target.cursor = batch.position


def _without_name(event: Event, user_id: str) -> Event:
    properties = json.loads(event["properties"])
    lifted = None if event["referred_user_id"] == user_id else event["referred_user_id"]
    if properties.get("referred_user_id") == user_id:
        del properties["referred_user_id"]
        return event | {"referred_user_id": lifted, "properties": json.dumps(properties)}
    return event | {"referred_user_id": lifted}
