"""All mirrors of an appliance together: started, stopped, told what to do, asked how they stand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Literal

from appliance.adapters.following import MirroredLog
from appliance.adapters.protocol import CursorKeeper, Figure, Mirror, MirrorContext
from appliance.adapters.registry import Configured
from appliance.adapters.runner import Runner, RunnerOptions
from appliance.adapters.state import MirrorStatus
from appliance.clock import Clock
from appliance.errors import NotFound
from appliance.log.position import Position
from appliance.store.mirrors import MirrorStore, Refusal


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of an erasure in one mirror. ``removed`` is known only of one that is done."""

    mirror: str
    status: Literal["done", "pending"]
    removed: int | None


@dataclass(frozen=True, slots=True)
class KeptCursor:
    """A ``CursorKeeper`` in the control store."""

    store: MirrorStore
    name: str

    def get(self) -> Position | None:
        text = self.store.cursor(self.name)
        return None if text is None else Position.parse(text)

    def put(self, position: Position | None) -> None:
        self.store.put_cursor(self.name, None if position is None else str(position))


class Mirrors:
    """A runner for each configured mirror.

    ``status`` never blocks. ``pause``, ``resume``, ``rebuild``, ``refusals`` and ``erase`` write to or read from the
    control store: not for an event loop.
    """

    def __init__(
        self,
        mirrors: Sequence[Configured],
        log: MirroredLog,
        store: MirrorStore,
        clock: Clock,
        *,
        retention_days: int = 0,
        mask: Callable[[str], str] = str,
    ) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._removed: dict[tuple[str, str], int] = {}
        self._waiting: list[str] = []
        self._runners: dict[str, Runner] = {}
        for mirror in mirrors:
            options = RunnerOptions(mirror.batch_events, retention_days, mask=mask)
            keeper: CursorKeeper = KeptCursor(store, mirror.name)
            make: Callable[[], Mirror] = partial(mirror.make, MirrorContext(clock, keeper, retention_days))
            self._runners[mirror.name] = Runner(mirror.name, make, log, store, clock, options, self._on_erased)
        self._sinks = [self._runners[mirror.name] for mirror in mirrors if mirror.takes_figures]

    def start(self) -> None:
        """Begin to mirror; returns at once, whatever the targets do."""
        for runner in self._runners.values():
            runner.start()

    def stop(self, timeout: float = 1.0) -> bool:
        """Whether every runner has ended in time. What one is at then does no harm: its target's cursor tells."""
        for runner in self._runners.values():
            runner.ask_to_stop()
        until = monotonic() + timeout
        ended = [runner.join(max(0.0, until - monotonic())) for runner in self._runners.values()]
        return all(ended)

    def status(self) -> dict[str, MirrorStatus]:
        """How each mirror stands, by name."""
        return {name: runner.status() for name, runner in self._runners.items()}

    def pause(self, name: str) -> None:
        """Let a mirror rest after the batch that it is at, until ``resume``, restarts included."""
        self._pause(name, paused=True)

    def resume(self, name: str) -> None:
        """Let it go on from where it stands; one that was waiting to try again does so at once."""
        self._pause(name, paused=False)

    def rebuild(self, name: str, start_us: int | None = None) -> None:
        """Let it forget its cursor and effects, and mirror again: all, or what happened from ``start_us`` on.

        It is done as soon as the target can be reached; a paused mirror does it when it is resumed.
        """
        runner = self._find(name)
        self._store.rebuild(name, start_us)
        runner.hear()

    def refusals(self, name: str, *, limit: int, before: str | None = None) -> list[Refusal]:
        """Dead letters of a mirror, newest first."""
        self._find(name)
        return self._store.refusals(name, limit=limit, before=before)

    def erase(self, user_id: str, position: Position, patience_seconds: float = 1.0) -> list[Erased]:
        """Erase a person from every mirror, as of a position in the log; waits a moment for those that can at once.

        Each mirror erases when its cursor has passed ``position``, which is to be the log's tail at or after the
        moment when the log itself lost the person: a batch that was read before can't bring them back. What is
        pending survives restarts. Mirrors that are switched off now, but ran once, stay pending until they run again.
        """
        with self._changed:
            self._waiting.append(user_id)
        try:
            names = self._store.ask_erasure(self._runners, user_id, str(position))
            for runner in self._runners.values():
                runner.hear()
            return self._await(user_id, names, patience_seconds)
        finally:
            self._forget(user_id)

    @property
    def takes_figures(self) -> bool:
        """Whether there is a mirror that publishes figures."""
        return bool(self._sinks)

    def offer_figures(self, figures: Mapping[str, Figure]) -> None:
        """Current figures for the mirrors that publish such. Never blocks."""
        for runner in self._sinks:
            runner.outbox.offer_figures(figures)

    def offer_alert(self, alert: Mapping[str, Any]) -> None:
        """An alert that was evaluated, for the mirrors that publish such. Never blocks."""
        for runner in self._sinks:
            runner.outbox.offer_alert(alert)

    def _pause(self, name: str, *, paused: bool) -> None:
        runner = self._find(name)
        self._store.pause(name, paused=paused)
        runner.hear(paused=paused)

    def _find(self, name: str) -> Runner:
        require(name, self._runners)
        return self._runners[name]

    def _on_erased(self, name: str, user_id: str, removed: int) -> None:
        with self._changed:
            if user_id in self._waiting:
                self._removed[name, user_id] = removed
                self._changed.notify_all()

    def _await(self, user_id: str, names: Sequence[str], patience_seconds: float) -> list[Erased]:
        running = [name for name in names if name in self._runners]
        with self._changed:
            self._changed.wait_for(
                lambda: all((name, user_id) in self._removed for name in running), timeout=patience_seconds
            )
            removed = {name: self._removed.get((name, user_id)) for name in names}
        return [Erased(name, "pending" if count is None else "done", count) for name, count in removed.items()]

    def _forget(self, user_id: str) -> None:
        with self._changed:
            self._waiting.remove(user_id)
            if user_id not in self._waiting:
                self._removed = {key: count for key, count in self._removed.items() if key[1] != user_id}


def require(name: str, names: Collection[str]) -> None:
    """Raise ``NotFound`` unless a mirror of that name is configured."""
    if name not in names:
        there = f"there are {', '.join(names)}" if names else "none is configured"
        raise NotFound(f"there is no mirror {name!r}: {there}")
