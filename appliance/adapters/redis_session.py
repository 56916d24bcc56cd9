"""Connections to Redis, one for each of its databases, and what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from appliance.adapters.protocol import MirrorError, Misconfigured, Unreachable
from appliance.config.services import RedisSettings
from appliance.sql import queries

ANSWER_SECONDS: Final = 30
CONNECT_SECONDS: Final = 5
_SCRIPTS: Final = queries("appliance.adapters", "redis.lua")
# Redis begins an error with such a word; up to version 6 a script's error has it in the middle.
_TRANSIENT: Final = {
    "OOM": "its memory is full (maxmemory)",
    "READONLY": "it is a replica and takes no writes",
    "MISCONF": "it can't save its data, and takes no writes until it can",
    "NOREPLICAS": "it has fewer replicas than it needs for taking writes",
    "LOADING": "it is reading its data",
    "MASTERDOWN": "it is a replica without its master",
    "BUSY": "it is busy with a script",
    "TRYAGAIN": "it asks to try again",
    "CLUSTERDOWN": "its cluster is down",
}
_WORD: Final = re.compile(rf"(?:^|-|\b)({'|'.join(_TRANSIENT)})\b")
_WRONG_TLS: Final = re.compile("CERTIFICATE_VERIFY_FAILED|WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|certificate verify")


class Session:
    """Every call ends by itself and raises ``MirrorError`` and nothing else. After any error it is to be closed."""

    def __init__(self, settings: RedisSettings, answer_seconds: float | None = None) -> None:
        self._settings = settings
        self._answer_seconds = answer_seconds or ANSWER_SECONDS
        self._clients: dict[int, Any] = {}
        self._scripts: dict[str, Script] = {}

    def call(self, database: int, *command: str | bytes | int) -> Any:
        """Redis' answer to a command."""
        with told():
            return self._client(database).execute_command(*command)

    def run(self, database: int, script: str, keys: Sequence[str | bytes], arguments: Sequence[str | int] = ()) -> Any:
        """What a script of ``redis.lua`` gives; it is loaded where Redis doesn't know it (any more)."""
        with told():
            if script not in self._scripts:
                self._scripts[script] = self._client(database).register_script(_SCRIPTS[script])
            return self._scripts[script](keys, arguments, client=self._client(database))

    def together(self, database: int, commands: Sequence[Sequence[str | int]]) -> None:
        """Commands that are carried out at one moment."""
        with told(), self._client(database).pipeline(transaction=True) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            pipeline.execute()

    def scan(self, database: int, pattern: str) -> Iterator[list[bytes]]:
        """All keys that fit a pattern, some at a time; one may come twice."""
        cursor: int | str = 0
        while True:
            found, keys = self.call(database, "SCAN", cursor, "MATCH", pattern, "COUNT", 1_000)
            if keys:
                yield keys
            if not int(found):
                return
            cursor = int(found)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _client(self, database: int) -> Any:
        if database not in self._clients:
            self._clients[database] = redis.Redis(**_arguments(self._settings, self._answer_seconds), db=database)
        return self._clients[database]


def _arguments(settings: RedisSettings, answer_seconds: float) -> dict[str, Any]:
    password = settings.password
    arguments: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "username": settings.username,
        "password": None if password is None else password.get_secret_value(),
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": answer_seconds,
        # the runner tries again, after a while and with a new connection
        "retry": Retry(NoBackoff(), 0),
        # understood by every version, and nothing beyond AUTH and SELECT needs to be allowed
        "protocol": 2,
        "driver_info": None,
    }
    if settings.tls:
        arguments |= {"ssl": True, "ssl_ca_certs": None if settings.ssl_ca_file is None else str(settings.ssl_ca_file)}
    return arguments


@contextmanager
def told() -> Iterator[None]:
    """Turn the client's errors inside into a ``MirrorError``."""
    try:
        yield
    except (redis.RedisError, OSError) as fault:
        raise meaning(fault) from None


def meaning(fault: Exception) -> MirrorError:
    """What an error means for the mirror."""
    text = " ".join(str(fault).split()) or type(fault).__name__
    if isinstance(fault, redis.AuthenticationError | redis.exceptions.NoPermissionError):
        return Misconfigured(f"Redis doesn't allow it: {text}")
    found = next((word for word, kind in _BY_TYPE if isinstance(fault, kind)), None)
    matched = _WORD.search(text) if isinstance(fault, redis.ResponseError) else None
    word = matched[1] if matched is not None else found
    if word is not None:
        return Unreachable(f"Redis refuses for now: {_TRANSIENT[word]}")
    if isinstance(fault, redis.ResponseError):
        return Misconfigured(f"Redis refuses: {text}")
    if isinstance(fault, redis.TimeoutError):
        return Unreachable(f"Redis didn't answer in time: {text}")
    return Misconfigured(f"no TLS with Redis: {text}") if _WRONG_TLS.search(text) else Unreachable(text)


# the client takes the word away from these
_BY_TYPE: Final = (
    ("LOADING", redis.BusyLoadingError),
    ("READONLY", redis.ReadOnlyError),
    ("OOM", redis.exceptions.OutOfMemoryError),
    ("MASTERDOWN", redis.exceptions.MasterDownError),
)
