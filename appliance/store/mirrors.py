"""What the control store keeps about mirrors: orders, cursors, events that were refused, erasures that wait.

Positions are kept as their text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from appliance.clock import Clock
from appliance.store.control import ControlStore

KEPT_REFUSALS: Final = 100_000
"""Dead letters kept of each mirror: the newest."""
_LONGEST_REASON: Final = 500
_OLDER: Final = "rowid < (select rowid from mirror_dead_letters where mirror = :name and event_id = :before)"
_OLDEST: Final = "rowid in (select rowid from mirror_dead_letters where mirror = ? order by rowid limit ?)"
_NEW_MIRROR: Final = {"paused": 0, "rebuild": 0, "dropped": 0}


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person who is to be erased from a mirror once its cursor has passed ``position``."""

    user_id: str
    position: str
    asked_us: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What a mirror is told to do. It obeys between two batches."""

    paused: bool = False
    rebuild: bool = False
    """Forget everything and begin anew; asked for and not done yet."""
    start_us: int | None = None
    """Events that happened before are not mirrored; ``None``: every event."""
    erasures: Sequence[Erasure] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A mirror's dead letter: an event that its target refuses for good."""

    event_id: str
    seq: int
    at_us: int
    reason: str


class MirrorStore:
    """The notes about every mirror, by name. Methods block; may be called from any thread."""

    def __init__(self, store: ControlStore, clock: Clock, kept: int = KEPT_REFUSALS) -> None:
        self._store = store
        self._clock = clock
        self._kept = kept

    def orders(self, name: str) -> Orders:
        """What a mirror is told now; one that was never told anything mirrors everything."""
        row = self._row(name)
        waiting = self._store.database().table("pending_erasures")
        erasures = tuple(
            Erasure(found["user_id"], found["position"], found["asked_us"])
            for found in waiting.rows_where("mirror = ?", [name], order_by="asked_us, user_id")
        )
        if row is None:
            return Orders(erasures=erasures)
        return Orders(bool(row["paused"]), bool(row["rebuild"]), row["start_us"], erasures)

    def pause(self, name: str, *, paused: bool) -> None:
        """Order a mirror to rest, or to go on."""
        self._put(name, {"paused": int(paused)})

    def rebuild(self, name: str, start_us: int | None) -> None:
        """Order a mirror to begin anew, with the events that happened from ``start_us`` on or with all."""
        self._put(name, {"rebuild": 1, "start_us": start_us})

    def rebuild_done(self, name: str) -> None:
        """A mirror holds nothing any more: its cursors and dead letters go with it."""
        with self._store.writing() as database:
            database.table("mirror_dead_letters").delete_where("mirror = ?", [name])
            self._put_in(database, name, {"rebuild": 0, "cursor": None, "last_seen": None, "dropped": 0})

    def cursor(self, name: str) -> str | None:
        """The cursor of a mirror that can't keep its own."""
        return self._text(name, "cursor")

    def put_cursor(self, name: str, position: str | None) -> None:
        """Keep it; durable when this returns."""
        self._put(name, {"cursor": position})

    def last_seen(self, name: str) -> str | None:
        """Where a mirror's cursor was when it was last noted: a reading for while its target can't be asked."""
        return self._text(name, "last_seen")

    def put_last_seen(self, name: str, position: str) -> None:
        self._put(name, {"last_seen": position})

    def refuse(self, name: str, refusals: Iterable[tuple[str, int, str]]) -> int:
        """Keep dead letters, each given as event id, seq and reason; returns how many are kept of this mirror now.

        Beyond the bound the oldest go and are counted as dropped.
        """
        now_us = self._clock.now_us()
        rows = [
            {"mirror": name, "event_id": event_id, "seq": seq, "at_us": now_us, "reason": reason[:_LONGEST_REASON]}
            for event_id, seq, reason in refusals
        ]
        with self._store.writing() as database:
            letters = database.table("mirror_dead_letters")
            letters.insert_all(rows, ignore=True)
            surplus = letters.count_where("mirror = ?", [name]) - self._kept
            if surplus > 0:
                letters.delete_where(_OLDEST, [name, surplus])
                dropped = (self._row(name) or _NEW_MIRROR)["dropped"] + surplus
                self._put_in(database, name, {"dropped": dropped})
            return min(self._kept, self._kept + surplus)

    def refusals(self, name: str, *, limit: int, before: str | None = None) -> list[Refusal]:
        """Dead letters, newest first; ``before`` is the event id of one, and then those older than it come."""
        rows = (
            self._store.database()
            .table("mirror_dead_letters")
            .rows_where(
                f"mirror = :name and (:before is null or {_OLDER})",
                {"name": name, "before": before},
                select="event_id, seq, at_us, reason",
                order_by="rowid desc",
                limit=limit,
            )
        )
        return [Refusal(**row) for row in rows]

    def refusal_counts(self, name: str) -> tuple[int, int]:
        """Dead letters that are kept, and that were dropped beyond the bound."""
        kept = self._store.database().table("mirror_dead_letters").count_where("mirror = ?", [name])
        row = self._row(name)
        return kept, row["dropped"] if row is not None else 0

    def ask_erasure(self, names: Iterable[str], user_id: str, position: str) -> list[str]:
        """Order mirrors to erase a person once they have passed ``position``; also those that are off now but once ran.

        Returns the names of all that have to.
        """
        with self._store.writing() as database:
            known = {row["name"] for row in database.table("mirrors").rows_where(select="name")}
            all_names = sorted(known | set(names))
            row = {"user_id": user_id, "asked_us": self._clock.now_us(), "position": position}
            database.table("pending_erasures").upsert_all(
                [{"mirror": name, **row} for name in all_names], pk=("mirror", "user_id")
            )
        return all_names

    def erased(self, name: str, erasure: Erasure) -> None:
        """A person is erased from a mirror. One that was asked for anew meanwhile stays."""
        with self._store.writing() as database:
            database.table("pending_erasures").delete_where(
                "mirror = ? and user_id = ? and position = ?", [name, erasure.user_id, erasure.position]
            )

    def pending_erasures(self, user_id: str) -> list[str]:
        """The mirrors from which a person is not erased yet."""
        rows = self._store.database().table("pending_erasures")
        return [row["mirror"] for row in rows.rows_where("user_id = ?", [user_id], order_by="mirror")]

    def _text(self, name: str, column: str) -> str | None:
        row = self._row(name)
        found: str | None = row[column] if row is not None else None
        return found

    def _row(self, name: str) -> dict[str, Any] | None:
        return next(iter(self._store.database().table("mirrors").rows_where("name = ?", [name])), None)

    def _put(self, name: str, values: dict[str, Any]) -> None:
        with self._store.writing() as database:
            self._put_in(database, name, values)

    def _put_in(self, database: Any, name: str, values: dict[str, Any]) -> None:
        table = database.table("mirrors")
        table.insert({"name": name, **_NEW_MIRROR, "updated_us": 0}, ignore=True)
        table.update(name, {**values, "updated_us": self._clock.now_us()})
