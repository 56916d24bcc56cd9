"""The control store's tables, as numbered steps. A step that has been released is never changed."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

CONTROL = Migrations("control")


@CONTROL(name="0001_job_runs")
def job_runs(db: Database) -> None:
    """The ledger of job runs; instants are microseconds since the epoch."""
    db.table("job_runs").create(
        {"id": int, "name": str, "started_us": int, "finished_us": int, "outcome": str, "detail": str},
        pk="id",
        not_null={"name", "started_us", "finished_us", "outcome", "detail"},
    )
    db.table("job_runs").create_index(["name", "id"])
