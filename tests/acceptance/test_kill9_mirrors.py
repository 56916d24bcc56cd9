"""Mirrors of an appliance that is killed equal its log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.mirror_kill_loop import MirrorKillLoop, Plan
from tests.integration.postgres_target import PostgresTarget
from tests.integration.redis_target import RedisTarget
from tests.process import free_ports
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis


@pytest.mark.slow
def test_mirrors_of_an_appliance_that_is_killed(redis: Redis, postgres: PostgreSQL, tmp_path: Path) -> None:
    """Killed five times, and its services with it, PostgreSQL holds each event once and Redis has counted it once."""
    port, ui_port = free_ports()
    with RedisTarget.made_on(redis) as counters, PostgresTarget.made_on(postgres) as rows:
        plan = Plan(rounds=5, port=port, ui_port=ui_port, kill_service_every=2)
        outcome = MirrorKillLoop(plan, tmp_path, counters, rows).run()
    assert [] == outcome.faults
    assert (5, 2) == (outcome.kills, outcome.service_kills)
    assert 0 < outcome.stored
