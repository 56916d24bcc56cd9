"""What administrators did: who, from where, what, to what."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import structlog

from appliance.access.principal import Principal
from appliance.clock import Clock, iso
from appliance.store.control import ControlStore

_logger = structlog.get_logger(__name__)

KEPT: Final = 100_000
KEPT_REFUSALS: Final = 1_000
REFUSED: Final = "sign_in.refused"
_SURPLUS_REFUSALS: Final = (
    "action = ? and id <= (select id from audit where action = ? order by id desc limit 1 offset ?)"
)
_TRIM_EVERY: Final = 1_000
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that was done; ``at`` is ISO 8601."""

    id: int
    at: str
    actor: str
    address: str
    action: str
    subject: str
    detail: str

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit log in the control store: the latest ``KEPT`` actions. Its methods block."""

    store: ControlStore
    clock: Clock
    counts: Counter[str] = field(default_factory=Counter)
    """Actions since the start, by name, for the metrics page."""

    def record(self, principal: Principal, action: str, subject: str, detail: str = "") -> None:
        """Write down an action that was done. Never raises: what was done is done."""
        row = {
            "at_us": self.clock.now_us(),
            "actor": principal.label,
            "address": principal.address,
            "action": action,
            "subject": subject[:_LONGEST],
            "detail": detail[:_LONGEST],
        }
        self.counts[action] += 1
        _logger.info("audit", **{name: value for name, value in row.items() if name != "at_us"})
        try:
            with self.store.writing() as database:
                number = database.table("audit").insert(row).last_pk
                if action == REFUSED:
                    # strangers write these: they must not push out what administrators did
                    database.table("audit").delete_where(_SURPLUS_REFUSALS, [REFUSED, REFUSED, KEPT_REFUSALS])
                if isinstance(number, int) and number % _TRIM_EVERY == 0:
                    database.table("audit").delete_where("id <= ?", [number - KEPT])
        except sqlite3.Error:
            _logger.exception("an action could not be written to the audit log", action=action)

    def latest(self, limit: int, before: int | None = None) -> list[Action]:
        """Actions, newest first; ``before`` is the id of one, and then those older than it come."""
        rows = (
            self.store.database()
            .table("audit")
            .rows_where(
                ":before is null or id < :before",
                {"before": before},
                order_by="id desc",
                limit=limit,
            )
        )
        return [
            Action(
                row["id"], iso(row["at_us"]), row["actor"], row["address"], row["action"], row["subject"], row["detail"]
            )
            for row in rows
        ]
