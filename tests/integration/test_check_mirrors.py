"""``appliance check`` on the real Redis and PostgreSQL."""

from __future__ import annotations

from pydantic import SecretStr

from appliance.cli import mirror_check
from tests.integration.postgres_target import PostgresTarget
from tests.integration.redis_target import RedisTarget
from tests.services.fixtures import StartService
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis


def test_redis(start_service: StartService) -> None:
    """It is said which version answers, what to do about eviction, and nothing stays there."""
    target = RedisTarget(start_service(Redis))
    found = mirror_check.redis(target.settings())()
    assert ("ok", f"is Redis {target.service.version}") == (found.status, " ".join(found.message.split()[1:4]))
    assert 0 == target.tell("DBSIZE")
    target.tell("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
    assert ("warning", True) == (
        (found := mirror_check.redis(target.settings())()).status,
        "allkeys-lru" in found.message,
    )
    target.tell("CONFIG", "SET", "requirepass", "opensesame")
    wrong = target.settings(password=SecretStr("wrong-one"))
    found = mirror_check.redis(wrong)()
    assert ("failed", False) == (found.status, "wrong-one" in str(found))


def test_postgresql(postgres: PostgreSQL) -> None:
    """It is said what will be made, or what keeps it from that; nothing is made yet."""
    with PostgresTarget.made_on(postgres) as target:
        settings = target.settings()
        assert "will be made" in mirror_check.postgresql(settings)().message
        target.connect().setup()
        assert "is as it should be" in mirror_check.postgresql(settings)().message
        target.tell("ALTER TABLE analytics_events DROP COLUMN event_id")
        assert "will get the column event_id" in mirror_check.postgresql(settings)().message
        target.tell("ALTER TABLE analytics_events ALTER COLUMN user_id TYPE integer USING 1")
        found = mirror_check.postgresql(settings)()
        assert ("failed", True) == (found.status, "user_id of type integer" in found.message)
