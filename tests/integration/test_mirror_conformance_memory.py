"""The fake mirror is held to the same suite as the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from appliance.adapters.memory import MemoryMirror, MemoryTarget
from appliance.events.row import Row
from appliance.testing import SettableClock, make_row
from tests.integration.mirror_conformance import Event, Harness, MirrorConformance, plain, without_person


class MemoryHarness:
    """The fake's target, read as it is."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.target = MemoryTarget(refuses=lambda event: "not him" if event["user_id"] == "refused" else None)

    def connect(self) -> MemoryMirror:
        return MemoryMirror(self.target)

    def expected(self, events: Sequence[Event]) -> Any:
        return [plain(event) for event in events]

    def expected_without(self, events: Sequence[Event], user_id: str) -> Any:
        return self.expected(without_person(events, user_id))

    def effects(self) -> Any:
        return self.expected(self.target.events)

    def refusable(self) -> Row | None:
        return make_row(user_id="refused")


class TestMemory(MirrorConformance):
    """The suite on the fake."""

    @pytest.fixture
    def harness(self) -> Harness:
        return MemoryHarness()
