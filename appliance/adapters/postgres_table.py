"""The table ``analytics_events``: made where there is none, completed where a team has one of its shape already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from appliance.adapters.postgres_session import SQL, Session
from appliance.adapters.postgres_shape import Shape, judge
from appliance.adapters.protocol import BatchRefused, Misconfigured, Unreachable

_INDEX_SECONDS: Final = 3_600
_RIGHTS: Final = ("select", "insert", "update", "delete")
_COMPLETED: Final = "; ".join(SQL[name].decode().rpartition("\n")[2] for name in ("add_event_id", "add_unique_index"))


@dataclass(frozen=True, slots=True)
class Table:
    """The table as it was found."""

    facts: dict[str, Any]
    """What the statement ``table`` of ``postgres.sql`` tells."""
    shape: Shape
    has_index: bool
    """Whether ``event_id`` is unique by an index that ON CONFLICT can use."""


def prepare(session: Session) -> Shape:
    """Make what is missing of the table, its unique index and the cursor's table; raises what ``Mirror.setup`` does.

    The session's search path says in which schema they are, and where they are made.
    """
    require_writable(session)
    if not session.ask_one("try_lock"):
        raise Unreachable("another session prepares the table at this moment")
    try:
        return _prepare(session)
    except BatchRefused as fault:
        # two rows of a team's own that have one event_id, for example
        raise Misconfigured(f"the table analytics_events can't be prepared: {fault.message}") from None
    finally:
        _unlock(session)


def require_writable(session: Session) -> None:
    """Raise ``Unreachable`` where the server answers but takes no writes."""
    (row,) = session.ask("writable")
    if row["standby"] or row["read_only"]:
        why = "it is a standby" if row["standby"] else "default_transaction_read_only is on"
        raise Unreachable(f"the server takes no writes now: {why}; it is tried again")


def inspect(session: Session) -> Table | None:
    """The table as it is; ``None`` where there is none. Raises ``Misconfigured``."""
    rows = session.ask("table")
    if not rows:
        return None
    facts = rows[0]
    shape = judge(facts, session.ask("columns", {"table": facts["oid"]}))
    return Table(facts, shape, bool(session.ask_one("unique_index", {"table": facts["oid"]})))


def require_rights(session: Session, table: Table | None) -> None:
    """Raise ``Misconfigured`` where the role may not do what mirroring needs; changes nothing."""
    (may,) = session.ask("may_create")
    if not may["may_stage"]:
        raise _grant(f"TEMPORARY ON DATABASE {may['database']}", may["role"], "make temporary tables")
    cursors = session.ask("cursor_table")
    if (table is None or not cursors) and not may["may_create"]:
        schema = may["schema"] or "of the search path, which names none that exists"
        raise _grant(f"CREATE ON SCHEMA {may['schema'] or 'NAME'}", may["role"], f"make tables in the schema {schema}")
    facts = [] if table is None else [table.facts]
    for name, found in (("analytics_events", facts), ("analytics_events_mirror", cursors)):
        missing = [right.upper() for right in _RIGHTS if not all(one.get(f"may_{right}", True) for one in found)]
        if missing:
            raise _grant(f"{', '.join(missing)} ON {name}", may["role"], f"use the table {name} as is needed")
    if table is not None and not table.facts["owned"] and not (table.shape.has_event_id and table.has_index):
        raise Misconfigured(f"the table analytics_events belongs to another role: let that one do {_COMPLETED}")


def _prepare(session: Session) -> Shape:
    table = inspect(session)
    require_rights(session, table)
    _prepare_cursor(session, may_have_rows=table is not None and table.shape.has_event_id)
    if table is None:
        return _make(session)
    if not table.shape.has_event_id:
        with session.transaction() as cursor:
            cursor.execute(SQL["add_event_id"])
    if not table.has_index:
        _add_index(session, table)
    return table.shape


def _prepare_cursor(session: Session, *, may_have_rows: bool) -> None:
    if not session.ask("cursor_table"):
        with session.transaction() as cursor:
            cursor.execute(SQL["create_cursor"])
    if not session.ask_one("has_cursor"):
        found = may_have_rows and session.ask_one("has_rows_with_id")
        with session.transaction() as cursor:
            cursor.execute(SQL["begin_cursor"], {"found": found})


def _make(session: Session) -> Shape:
    with session.transaction() as cursor:
        cursor.execute(SQL["create_table"])
        cursor.execute(SQL["forget_cursor"])
    table = inspect(session)
    if table is None:
        raise Misconfigured("the table analytics_events was made, but the role's search_path doesn't lead to it")
    return table.shape


def _add_index(session: Session, table: Table) -> None:
    if session.ask_one("broken_index", {"table": table.facts["oid"]}):
        session.alone("drop_broken_index", _INDEX_SECONDS)
    session.alone("add_unique_index", _INDEX_SECONDS)


def _grant(right: str, role: str, purpose: str) -> Misconfigured:
    return Misconfigured(f"the role {role} may not {purpose}: GRANT {right} TO {role}")


def _unlock(session: Session) -> None:
    try:
        session.ask("unlock")
    except Unreachable:
        # the connection has gone, and the lock with it
        return
