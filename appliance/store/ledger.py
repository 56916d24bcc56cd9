"""The ledger of job runs: what ran when, and how it ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Final, Literal

from appliance.store.control import ControlStore

Outcome = Literal["done", "failed", "missed", "skipped"]
"""``missed``: its time passed while nothing could run; ``skipped``: the run before it hadn't ended."""

KEPT: Final = 200
DETAIL_LENGTH: Final = 500


@dataclass(frozen=True)
class JobRun:
    """One run of a job, or a run that should have been; instants in microseconds UTC."""

    name: str
    started_us: int
    finished_us: int
    outcome: Outcome
    detail: str = ""


_SURPLUS = """name = :name and id <= (
    select id from job_runs where name = :name order by id desc limit 1 offset :kept
)"""
_COLUMNS = ", ".join(column.name for column in fields(JobRun))


class JobLedger:
    """The latest ``kept`` runs of each job, in the control store. Methods block for a small SQLite write or read."""

    def __init__(self, store: ControlStore, *, kept: int = KEPT) -> None:
        self._store = store
        self._kept = kept

    def record(self, run: JobRun) -> None:
        """Write down a run; the oldest of the same job beyond ``kept`` go. Long details are cut."""
        with self._store.writing() as database:
            database.table("job_runs").insert(asdict(run) | {"detail": run.detail[:DETAIL_LENGTH]})
            database.table("job_runs").delete_where(_SURPLUS, {"name": run.name, "kept": self._kept})

    def recent(self, name: str | None = None, *, limit: int = 50) -> list[JobRun]:
        """The latest runs, newest first, of one job or of all."""
        rows = (
            self._store.database()
            .table("job_runs")
            .rows_where(
                "name = :name or :name is null", {"name": name}, select=_COLUMNS, order_by="id desc", limit=limit
            )
        )
        return [JobRun(**row) for row in rows]
