"""A real Redis that one test has for itself, and a plain recomputation of what it must hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import redis

from appliance.adapters.protocol import MirrorContext
from appliance.adapters.redis import RedisMirror
from appliance.clock import DAY_US, HOUR_US, from_datetime
from appliance.config.services import RedisSettings
from appliance.log.position import Position
from appliance.testing import SettableClock
from tests.services.redis import Redis


class NoCursor:
    """Redis keeps its cursor itself."""

    def get(self) -> Position | None:
        raise AssertionError("the cursor is in Redis")

    def put(self, position: Position | None) -> None:
        raise AssertionError("the cursor is in Redis")


class RedisTarget:
    """The databases 0 to 3 of one Redis, emptied before and after, and the clients that were made."""

    def __init__(self, service: Redis) -> None:
        self.service = service
        self.clock = SettableClock()
        self._made: list[RedisMirror] = []

    @classmethod
    @contextmanager
    def made_on(cls, service: Redis) -> Iterator[Self]:
        target = cls(service)
        target.tell("FLUSHALL")
        try:
            yield target
        finally:
            for mirror in target._made:
                mirror.close()
            service.start()
            target.tell("FLUSHALL")

    def settings(self, **changes: Any) -> RedisSettings:
        """The settings of a mirror into this Redis."""
        given: dict[str, Any] = {"host": "127.0.0.1", "port": self.service.port}
        return RedisSettings(**(given | changes))

    def connect(self, **changes: Any) -> RedisMirror:
        """A mirror, not set up yet."""
        mirror = RedisMirror(self.settings(**changes), MirrorContext(self.clock, NoCursor()))
        self._made.append(mirror)
        return mirror

    def tell(self, *command: str | int, database: int = 0) -> Any:
        """Redis' answer to a command."""
        with closing(self.connection(database)) as connection:
            return connection.execute_command(*command)

    def counters(self) -> dict[str, int]:
        """Every counter and its value; what isn't the mirror's isn't among them."""
        return {key: int(value) for key, value in self.texts(0).items() if re.match(r"(event|user):", key)}

    def texts(self, database: int) -> dict[str, str]:
        """Every text in a database by its key."""
        with closing(self.connection(database)) as connection, connection.pipeline(transaction=False) as pipeline:
            keys = list(connection.scan_iter(count=10_000))
            for key in keys:
                pipeline.type(key)
            texts = [key for key, kind in zip(keys, pipeline.execute(), strict=True) if kind == b"string"]
            values = connection.mget(texts) if texts else []
            return {key.decode(): value.decode() for key, value in zip(texts, values, strict=True) if value}

    def connection(self, database: int = 0) -> Any:
        return redis.Redis(port=self.service.port, db=database, socket_timeout=10)


def recounted(events: Iterable[Mapping[str, Any]], now_us: int) -> dict[str, int]:
    """What the counters of these events are, one event after the other: minutes of the last hour, users of a day."""
    counts: Counter[str] = Counter()
    for event in events:
        at_us = from_datetime(event["timestamp"])
        if at_us >= now_us - HOUR_US:
            minute = datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y%m%d%H%M")
            counts[f"event:{event['event_type']}:{minute}"] += 1
        if at_us >= now_us - DAY_US:
            counts[f"user:{event['user_id']}:{event['event_type']}"] += 1
    return dict(counts)
