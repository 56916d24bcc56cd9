"""A schema of the real PostgreSQL that one test has for itself, and mirrors into it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Self

import psycopg
from pydantic import SecretStr

from appliance.adapters.postgres import PostgresMirror
from appliance.adapters.protocol import MirrorContext
from appliance.clock import from_datetime
from appliance.config.services import PostgresSettings
from appliance.log.position import Position
from appliance.testing import SettableClock
from tests.services.postgresql import PostgreSQL


class NoCursor:
    """PostgreSQL keeps its cursor itself."""

    def get(self) -> Position | None:
        raise AssertionError("the cursor is in PostgreSQL")

    def put(self, position: Position | None) -> None:
        raise AssertionError("the cursor is in PostgreSQL")


class PostgresTarget:
    """A schema and a role of the same name, whose search path it is; and the clients that were made."""

    def __init__(self, service: PostgreSQL, name: str) -> None:
        self.service = service
        self.name = name
        self.clock = SettableClock()
        self._made: list[PostgresMirror] = []

    @classmethod
    @contextmanager
    def made_on(cls, service: PostgreSQL) -> Iterator[Self]:
        """Made empty, and dropped at the end."""
        name = f"t{uuid.uuid4().hex}"
        target = cls(service, name)
        target.tell(f"CREATE ROLE {name} LOGIN SUPERUSER", f"CREATE SCHEMA {name} AUTHORIZATION {name}")
        target.tell(f"ALTER ROLE {name} SET search_path = {name}")
        try:
            yield target
        finally:
            for mirror in target._made:
                mirror.close()
            service.start()
            target.tell(f"DROP OWNED BY {name} CASCADE", f"DROP SCHEMA IF EXISTS {name} CASCADE", f"DROP ROLE {name}")

    def settings(self, **changes: Any) -> PostgresSettings:
        """The settings of a mirror into this schema."""
        given: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.service.port,
            "database": "postgres",
            "user": self.name,
            "password": SecretStr("unused"),
            "expire": True,
        }
        return PostgresSettings(**(given | changes))

    def connect(self, **changes: Any) -> PostgresMirror:
        """A mirror, not set up yet."""
        mirror = PostgresMirror(self.settings(**changes), MirrorContext(self.clock, NoCursor()))
        self._made.append(mirror)
        return mirror

    def rows(self) -> list[dict[str, Any]]:
        """What the table holds, in order of ``event_id``; instants as microseconds."""
        found = self.ask("SELECT * FROM analytics_events ORDER BY event_id::text, user_id")
        return [_plain(row) for row in found]

    def ask(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        with closing(self.connection()) as connection:
            return connection.execute(sql.encode(), parameters).fetchall()

    def tell(self, *statements: str) -> None:
        """Done as the superuser, with the schema's tables at hand."""
        with closing(self.connection()) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def connection(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.service.port,
            dbname="postgres",
            user="postgres",
            autocommit=True,
            options=f"-c TimeZone=UTC -c search_path={self.name}",
            row_factory=psycopg.rows.dict_row,
        )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    event_id = row.get("event_id")
    return row | {
        "event_id": None if event_id is None else str(event_id),
        "timestamp": from_datetime(row["timestamp"]),
    }
