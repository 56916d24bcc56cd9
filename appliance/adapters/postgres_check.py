"""A look at PostgreSQL from outside: whether it can be mirrored to, and what would be made there."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from appliance.adapters.postgres_session import Session
from appliance.adapters.postgres_table import inspect, require_rights, require_writable
from appliance.config.services import PostgresSettings


@dataclass(frozen=True, slots=True)
class Found:
    """A server that can be mirrored to."""

    version: str
    table: Literal["missing", "incomplete", "complete"]
    """``incomplete``: a team's own, to which the column ``event_id`` or its index is added."""


def look(settings: PostgresSettings) -> Found:
    """Log in and look, changing nothing; raises ``Unreachable`` or ``Misconfigured``."""
    with closing(Session(settings)) as session:
        require_writable(session)
        table = inspect(session)
        require_rights(session, table)
        if table is None:
            return Found(session.version, "missing")
        complete = table.shape.has_event_id and table.has_index
        return Found(session.version, "complete" if complete else "incomplete")
