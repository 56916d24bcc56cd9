"""Redis: counters of events by minute and by user, current figures, firing alerts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from appliance.adapters.protocol import (
    CursorMoved,
    Figure,
    MirrorBatch,
    MirrorContext,
    Misconfigured,
    Refuse,
    RefusedEvent,
)
from appliance.adapters.redis_counts import (
    SECONDS,
    USER_LIFETIME_US,
    counted,
    named_like_counters,
    stamp,
    touching,
    user_key,
)
from appliance.adapters.redis_session import Session
from appliance.adapters.redis_setup import prepare
from appliance.clock import HOUR_US, SECOND_US, iso
from appliance.config.services import RedisSettings
from appliance.log.position import Position

STATE: Final = "analytics-appliance:mirror"
"""The one key that isn't contract: a hash of the cursor and of the event types that users were counted under. One key
for both, so that neither can be lost without the other."""
_ALERT_SECONDS: Final = HOUR_US // SECOND_US
_KEYS_AT_ONCE: Final = 500
_TYPE_FIELD: Final = b"type:"
_NO_COUNT: Final = "one of its counters in Redis holds something that is no count: remove that key, then rebuild"


class RedisMirror:
    """A ``Mirror`` and ``FigureSink`` into Redis 5 or newer, which is no cluster."""

    name = "redis"
    history_us: int | None = USER_LIFETIME_US

    def __init__(self, settings: RedisSettings, context: MirrorContext) -> None:
        self._databases = settings.databases
        self._clock = context.clock
        self._session = Session(settings)

    def setup(self) -> None:
        prepare(self._session, self._databases)

    def cursor(self) -> Position | None:
        text = self._session.call(self._databases.events, "HGET", STATE, "cursor")
        if text is None:
            return None
        try:
            return Position.parse(text.decode("utf-8", "replace"))
        except ValueError:
            raise Misconfigured(f"{STATE} holds no position of a log: appliance mirrors rebuild redis") from None

    def write(self, batch: MirrorBatch, refuse: Refuse) -> None:
        if batch.after is None and self.cursor() is None:
            # counters without a cursor: it was evicted or deleted, and they are counted anew
            self._sweep()
        self._count(batch, refuse)

    def erase(self, user_id: str) -> int:
        fields = self._session.call(self._databases.events, "HKEYS", STATE)
        if not fields:
            return self._remove_named(user_id)
        types = [field.removeprefix(_TYPE_FIELD).decode() for field in fields if field.startswith(_TYPE_FIELD)]
        return self._remove([user_key(user_id, kind) for kind in types])

    def reset(self) -> None:
        self._session.call(self._databases.events, "DEL", STATE)
        self._sweep()

    def expire(self, before_us: int) -> int:  # noqa: ARG002 - Redis does it
        return 0

    def health(self) -> None:
        self._session.call(self._databases.events, "PING")

    def close(self) -> None:
        self._session.close()

    def publish(self, figures: Mapping[str, Figure]) -> None:
        commands: list[tuple[str | int, ...]] = [
            ("DEL", f"metric:{name}") if value is None else ("SET", f"metric:{name}", repr(value))
            for name, value in figures.items()
        ]
        for database in sorted({self._databases.metrics, self._databases.cache}):
            self._session.together(database, commands)

    def publish_alert(self, alert: Mapping[str, Any]) -> None:
        if alert["state"] != "firing":
            return
        now_us = self._clock.now_us()
        labels: Mapping[str, str] = alert["labels"]
        key = ":".join(["alert", alert["rule"], stamp(now_us), *(str(labels[name]) for name in sorted(labels))])
        self._session.call(self._databases.alerts, "SET", key, json.dumps(_shown(alert, now_us)), "EX", _ALERT_SECONDS)

    def _count(self, batch: MirrorBatch, refuse: Refuse) -> None:
        counts = counted(batch.events, self._clock.now_us())
        arguments = ["" if batch.after is None else str(batch.after), str(batch.position), " ".join(counts.types)]
        arguments += [str(counts.minutes), *map(str, SECONDS), " ".join(map(str, counts.amounts))]
        outcome, *foreign = self._session.run(self._databases.events, "count", [STATE, *counts.keys], arguments)
        if outcome == b"moved":
            raise CursorMoved
        if outcome == b"foreign":
            held = touching(batch.events, [counts.keys[number] for number in foreign])
            refuse(_refused(batch.events.filter(pa.array(held))))
            kept = batch.events.filter(pa.array([not one for one in held]))
            self._count(MirrorBatch(kept, batch.after, batch.position), refuse)

    def _sweep(self) -> None:
        events = self._databases.events
        for pattern in ("event:*", "user:*"):
            for found in self._session.scan(events, pattern):
                keys = named_like_counters(found)
                if keys:
                    self._session.run(events, "sweep", [STATE, *keys], [USER_LIFETIME_US // 1_000])

    def _remove_named(self, user_id: str) -> int:
        """Without knowing the types: by looking at every key."""
        pattern = user_key(re.sub(r"([\\*?\[\]])", r"\\\1", user_id), "*")
        return sum(
            self._remove(named_like_counters(found)) for found in self._session.scan(self._databases.events, pattern)
        )

    def _remove(self, keys: list[str] | list[bytes]) -> int:
        removed = 0
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[first : first + _KEYS_AT_ONCE]
            removed += self._session.call(self._databases.events, "UNLINK", *some)
        return removed


def _refused(events: pa.Table) -> list[RefusedEvent]:
    rows = events.select(["event_id", "seq"]).to_pylist()
    return [RefusedEvent(str(row["event_id"]), row["seq"], _NO_COUNT) for row in rows]


def _shown(alert: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    return {
        "rule_name": alert["rule"],
        "severity": alert["severity"],
        "message": alert["message"],
        "current_value": alert["value"],
        "threshold": alert["threshold"],
        "timestamp": iso(now_us),
        "labels": dict(alert["labels"]),
    }
