"""Whether a Redis is one that can be mirrored to, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from appliance.adapters.protocol import Misconfigured
from appliance.adapters.redis_session import Session
from appliance.config.services import RedisDatabases, RedisSettings

_PROBE: Final = "analytics-appliance:probe"
_OLDEST_VERSION: Final = 5
_LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a Redis found; it can be mirrored to."""

    version: str | None
    """``None`` where the login may not ask."""
    evicts: str | None
    """The policy by which it throws keys away that are still needed, where it does."""


def prepare(session: Session, databases: RedisDatabases) -> Found:
    """Reach every database, and try once what mirroring does; raises what ``Mirror.setup`` does."""
    for database in sorted({databases.events, databases.metrics, databases.cache, databases.alerts}):
        session.call(database, "PING")
    facts = _facts(session, databases.events)
    version = facts.get("redis_version")
    if version is not None and int(str(version).split(".", maxsplit=1)[0]) < _OLDEST_VERSION:
        raise Misconfigured(f"Redis {version} is too old: {_OLDEST_VERSION} or newer is needed")
    if facts.get("redis_mode") == "cluster":
        raise Misconfigured("it is a Redis Cluster, whose counters can't move together with the cursor: name another")
    session.run(databases.events, "probe", [_PROBE])
    policy = str(facts.get("maxmemory_policy", ""))
    evicts = facts.get("maxmemory", 0) and policy.startswith("allkeys")
    return Found(None if version is None else str(version), policy if evicts else None)


def look(settings: RedisSettings) -> Found:
    """What ``prepare`` finds, over a connection of its own."""
    with closing(Session(settings, _LOOK_SECONDS)) as session:
        return prepare(session, settings.databases)


def _facts(session: Session, database: int) -> Mapping[str, Any]:
    try:
        facts: Mapping[str, Any] = session.call(database, "INFO")
    except Misconfigured:
        # not allowed to ask: what is missing shows when it is used
        return {}
    return facts
