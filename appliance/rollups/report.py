"""What a verification found, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

LISTED: Final = 20
"""How many differences a report lists; all are counted."""

Progress = Callable[[str, int, int], None]
"""Told what is being worked on, how much of it is done, and how much there is."""


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True)
class Difference:
    """Something stored that isn't as it must be: which entry, what is right, and what was found."""

    check: str
    key: Mapping[str, Any]
    expected: Any
    found: Any


@dataclass
class VerifyReport:
    """The findings of one verification, all of the same snapshot of the log.

    ``events`` were recomputed and compared; ``behind`` more wait for the follower and are in no rollup yet.
    ``checks`` has every check made with the number of differences it found; the first are listed.
    """

    events: int = 0
    behind: int = 0
    checks: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many differences there are in all."""
        return sum(self.checks.values())

    @property
    def ok(self) -> bool:
        return self.total == 0

    def add(self, difference: Difference, count: int = 1) -> None:
        """Count differences and list the one given, while there is room."""
        self.checks[difference.check] = self.checks.get(difference.check, 0) + count
        if len(self.differences) < LISTED:
            self.differences.append(difference)

    def collect(self, check: str, cursor: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object]) -> None:
        """Run a query whose rows are differences: ``expected``, ``found``, ``total`` (of all), the rest is the key."""
        self.checks.setdefault(check, 0)
        cursor.execute(sql, {**values, "most": LISTED})
        names = [column[0] for column in cursor.description or ()]
        for number, row in enumerate(cursor.fetchall()):
            key = dict(zip(names, row, strict=True))
            expected, found, total = key.pop("expected"), key.pop("found"), key.pop("total")
            # The first row stands for those beyond the limit, so that the counts add up to the total.
            unlisted = max(total - LISTED, 0) if number == 0 else 0
            self.add(Difference(check, key, expected, found), 1 + unlisted)
