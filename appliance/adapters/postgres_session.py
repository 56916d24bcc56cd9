"""A connection to PostgreSQL whose every call ends by itself."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row

from appliance.adapters.postgres_errors import told
from appliance.adapters.protocol import Misconfigured
from appliance.config.services import PostgresSettings
from appliance.sql import queries

SQL: Final = {name: text.encode() for name, text in queries("appliance.adapters", "postgres.sql").items()}
"""The statements of ``postgres.sql``, by name."""
ANSWER_SECONDS: Final = 30
CONNECT_SECONDS: Final = 5
_LOCK_SECONDS: Final = 5
_GRACE_SECONDS: Final = 5
"""How much longer than the server may take is waited here: it tells its reason, a broken connection doesn't."""
_OLDEST_VERSION: Final = 140_000
_Result = TypeVar("_Result")

Cursor = psycopg.Cursor[DictRow]

# it warns of each rollback that a broken connection makes needless; the break itself is told as the mirror's error
logging.getLogger("psycopg").setLevel(logging.ERROR)


class _Bounded(psycopg.Connection[DictRow]):
    """Never waits for ever: a server that is stopped, or a network that swallows packets, closes no connection."""

    answer_seconds: float = ANSWER_SECONDS + _GRACE_SECONDS

    def wait(
        self,
        gen: Generator[Any, Any, _Result],
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> _Result:
        return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)


class Session:
    """Statements in transactions. After any error it is to be closed; raises ``MirrorError`` and nothing else."""

    def __init__(self, settings: PostgresSettings) -> None:
        with told():
            self._connection = _Bounded.connect(**_arguments(settings), autocommit=True, row_factory=dict_row)
        self._connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        version = self._connection.info.server_version
        if version < _OLDEST_VERSION:
            self.close()
            raise Misconfigured(f"PostgreSQL {version // 10_000} is too old: 14 or newer is needed")

    @property
    def version(self) -> str:
        number = self._connection.info.server_version
        return f"{number // 10_000}.{number % 10_000}"

    @contextmanager
    def transaction(self, seconds: int = ANSWER_SECONDS) -> Iterator[Cursor]:
        """A transaction each of whose statements may take ``seconds``; times are in UTC in it."""
        with told(), self._patience(seconds), self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(
                f"SET LOCAL statement_timeout = '{seconds}s'; SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'; "
                f"SET LOCAL idle_in_transaction_session_timeout = '60s'; SET LOCAL TimeZone = 'UTC'".encode()
            )
            yield cursor

    def alone(self, name: str, seconds: int) -> None:
        """A statement of ``postgres.sql`` that no transaction may hold, which may take and wait for ``seconds``."""
        with told(), self._patience(seconds), self._connection.cursor() as cursor:
            for setting in ("statement_timeout", "lock_timeout"):
                cursor.execute(f"SET {setting} = '{seconds}s'".encode())
            cursor.execute(SQL[name])
            cursor.execute(b"RESET statement_timeout; RESET lock_timeout")

    def ask(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[DictRow]:
        """The rows that a statement of ``postgres.sql`` gives, in a transaction of its own."""
        with self.transaction() as cursor:
            return cursor.execute(SQL[name], parameters).fetchall()

    def ask_one(self, name: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The only value of the only row."""
        (row,) = self.ask(name, parameters)
        (value,) = row.values()
        return value

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _patience(self, seconds: int) -> Iterator[None]:
        self._connection.answer_seconds = seconds + _GRACE_SECONDS
        try:
            yield
        finally:
            self._connection.answer_seconds = ANSWER_SECONDS + _GRACE_SECONDS


def _arguments(settings: PostgresSettings) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.database,
        "user": settings.user,
        "password": settings.password.get_secret_value(),
        "sslmode": settings.sslmode,
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "analytics-appliance",
        "client_encoding": "UTF8",
        # asking for Kerberos first only costs a round trip
        "gssencmode": "disable",
    }
    if settings.ssl_ca_file is not None:
        arguments["sslrootcert"] = str(settings.ssl_ca_file)
    return arguments
