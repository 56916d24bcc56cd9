"""Redis' mirror does what every mirror has to, on the real server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from appliance.events.row import Row
from appliance.testing import make_row
from tests.integration.mirror_conformance import Event, Harness, MirrorConformance
from tests.integration.redis_target import RedisTarget, recounted
from tests.services.redis import Redis


class RedisHarness(RedisTarget):
    """Counters, compared with a recount of the events."""

    def expected(self, events: Sequence[Event]) -> Any:
        return recounted(events, self.clock.now_us())

    def expected_without(self, events: Sequence[Event], user_id: str) -> Any:
        counts = self.expected(events)
        gone = {f"user:{user_id}:{event['event_type']}" for event in events}
        return {key: count for key, count in counts.items() if key not in gone}

    def effects(self) -> Any:
        return self.counters()

    def refusable(self) -> Row | None:
        self.tell("HSET", "user:refused:email_opened", "field", "another program's")
        return make_row("email_opened", "refused")


class TestRedis(MirrorConformance):
    """The suite on Redis, whose counters expire by themselves."""

    expires = False

    @pytest.fixture
    def harness(self, redis: Redis) -> Iterator[Harness]:
        with RedisHarness.made_on(redis) as harness:
            yield harness
