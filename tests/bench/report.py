"""Figures as they come in, printed as a table and written as a page."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console

Better = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: a measure's values, round by round, and what it shall reach."""

    group: str
    name: str
    values: Sequence[float]
    unit: str
    better: Better
    target: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def best(self) -> float:
        return max(self.values) if self.better == "more" else min(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the target; ``None`` where there is none."""
        if self.target is None:
            return None
        return self.median >= self.target if self.better == "more" else self.median <= self.target

    def cells(self) -> tuple[str, str, str, str, str]:
        """The line as text: measure, median, best, target, verdict."""
        verdict = {None: "", True: "yes", False: "no"}[self.met]
        goal = "" if self.target is None else f"{'≥' if self.better == 'more' else '≤'} {self.target:,g}"
        return self.name, f"{_number(self.median)} {self.unit}", _number(self.best), goal, verdict


SOAK_BEGINS = "<!-- written by scripts/soak -->"
"""From here on the page is another script's."""

HEADINGS = ("measure", "median", "best", "target", "met")


@dataclass(slots=True)
class Report:
    """All figures of a run, and where it was made."""

    machine: Mapping[str, str]
    conditions: str
    figures: list[Figure] = field(default_factory=list)
    console: Console = field(default_factory=Console)

    def add(
        self,
        group: str,
        name: str,
        values: Sequence[float],
        unit: str,
        *,
        better: Better = "less",
        target: float | None = None,
    ) -> None:
        """Take a figure in and print it at once: a long run shows how far it is."""
        figure = Figure(group, name, values, unit, better, target)
        if not self.figures or self.figures[-1].group != group:
            self.console.print(f"\n{group}", style="bold")
        self.figures.append(figure)
        name, median, best, goal, verdict = figure.cells()
        self.console.print(f"  {name:58}{median:>20}{best:>12}{goal:>12} {verdict}", highlight=False, soft_wrap=True)

    def markdown(self) -> str:
        """The page ``docs/performance.md``."""
        lines = ["# Performance", "", "Written by `scripts/bench --write`; `scripts/bench` prints the same table.", ""]
        lines += [f"- {name}: {value}" for name, value in self.machine.items()]
        lines += ["", self.conditions]
        for group in dict.fromkeys(figure.group for figure in self.figures):
            lines += ["", f"## {group}", "", _row(HEADINGS), "|---|--:|--:|--:|---|"]
            lines += [_row(figure.cells()) for figure in self.figures if figure.group == group]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _, begins, soak = path.read_text("utf-8").partition(SOAK_BEGINS) if path.exists() else ("", "", "")
        path.write_text(self.markdown() + (f"\n{begins}{soak}" if begins else ""), encoding="utf-8")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
