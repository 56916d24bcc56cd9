"""How much is measured: the whole, or a short run that shows that everything still works."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Flood:
    """One way of sending as fast as is answered, and what it shall reach."""

    events_each: int
    connections: int
    requests: int
    target: float
    """Events a second."""

    @property
    def name(self) -> str:
        size = "1 event" if self.events_each == 1 else f"{self.events_each:,} events"
        return f"{size} a request, {self.connections} connections"


_FLOODS = (
    Flood(1, 256, 40_000, 5_000),
    Flood(100, 64, 4_000, 60_000),
    Flood(1_000, 32, 600, 110_000),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and lengths of a run."""

    rounds: int = 3
    floods: tuple[Flood, ...] = _FLOODS
    plain_rows: int = 200_000
    """Rows that plain DuckDB inserts; one by one a hundredth of them."""
    pace_seconds: int = 20
    viewers: int = 20
    stored_events: int = 10_000_000
    kpi_rounds: int = 9
    watch_seconds: int = 15


def quick() -> Scale:
    """Everything once and small: under a minute."""
    return Scale(
        rounds=1,
        floods=tuple(replace(flood, requests=flood.requests // 12) for flood in _FLOODS),
        plain_rows=20_000,
        pace_seconds=3,
        viewers=5,
        stored_events=200_000,
        kpi_rounds=3,
        watch_seconds=4,
    )
