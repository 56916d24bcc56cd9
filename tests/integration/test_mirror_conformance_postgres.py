"""PostgreSQL's mirror does what every mirror has to, on the real server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from appliance.events.row import Row
from appliance.testing import make_row
from tests.integration.mirror_conformance import Event, Harness, MirrorConformance, plain, without_person
from tests.integration.postgres_target import PostgresTarget
from tests.services.postgresql import PostgreSQL

_NAMES = ("event_id", "event_type", "user_id", "timestamp", "properties", "session_id", "campaign_id")


class PostgresHarness(PostgresTarget):
    """A schema of its own, whose table the mirror makes."""

    def expected(self, events: Sequence[Event]) -> Any:
        rows = [plain(event) for event in events]
        return sorted(({name: row[name] for name in _NAMES} for row in rows), key=lambda row: row["event_id"])

    def expected_without(self, events: Sequence[Event], user_id: str) -> Any:
        return self.expected(without_person(events, user_id))

    def effects(self) -> Any:
        return self.rows()

    def refusable(self) -> Row | None:
        return make_row(user_id="u", properties={"deep": [{"nul": "a\x00b"}], "plain": "\\u0000"})


class TestPostgres(MirrorConformance):
    """The suite on PostgreSQL, in a schema that is made for each test."""

    @pytest.fixture
    def harness(self, postgres: PostgreSQL) -> Iterator[Harness]:
        with PostgresHarness.made_on(postgres) as harness:
            yield harness
