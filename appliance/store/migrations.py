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


@CONTROL(name="0002_access")
def access(db: Database) -> None:
    """Keys, the dashboard's sessions, and what administrators did. Of keys and sessions only digests are kept."""
    db.table("keys").create(
        {
            "id": str,
            "name": str,
            "scopes": str,
            "digest": bytes,
            "created_us": int,
            "expires_us": int,
            "revoked_us": int,
            "used_us": int,
        },
        pk="id",
        not_null={"name", "scopes", "digest", "created_us"},
    )
    db.table("keys").create_index(["digest"], unique=True)
    db.table("sessions").create(
        {"digest": bytes, "key_id": str, "opened_us": int, "expires_us": int},
        pk="digest",
        not_null={"key_id", "opened_us", "expires_us"},
    )
    db.table("audit").create(
        {"id": int, "at_us": int, "actor": str, "address": str, "action": str, "subject": str, "detail": str},
        pk="id",
        not_null={"at_us", "actor", "address", "action", "subject", "detail"},
    )
    db.table("facts").create({"name": str, "value": str}, pk="name", not_null={"value"})


@CONTROL(name="0003_import_progress")
def import_progress(db: Database) -> None:
    """How far imports got, by a digest that names the source and how it is read."""
    db.table("import_progress").create(
        {"source": str, "line": int, "updated_us": int}, pk="source", not_null={"line", "updated_us"}
    )


@CONTROL(name="0004_mirrors")
def mirrors(db: Database) -> None:
    """What mirrors are told, how far they are, what their targets refused, and whom they still have to erase.

    ``cursor`` is that of a mirror which can't keep its own; ``last_seen`` is only a note of where a cursor was.
    """
    db.table("mirrors").create(
        {
            "name": str,
            "paused": int,
            "rebuild": int,
            "start_us": int,
            "cursor": str,
            "last_seen": str,
            "dropped": int,
            "updated_us": int,
        },
        pk="name",
        not_null={"paused", "rebuild", "dropped", "updated_us"},
    )
    db.table("mirror_dead_letters").create(
        {"mirror": str, "event_id": str, "seq": int, "at_us": int, "reason": str},
        pk=("mirror", "event_id"),
        not_null={"seq", "at_us", "reason"},
    )
    db.table("pending_erasures").create(
        {"mirror": str, "user_id": str, "asked_us": int, "position": str},
        pk=("mirror", "user_id"),
        not_null={"asked_us", "position"},
    )
