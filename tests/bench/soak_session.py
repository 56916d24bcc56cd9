"""What those who take part in a long run share: the server, what they were answered, and what they were promised."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.process import ApplianceProcess

_MOST_FINDINGS = 30
_KINDS = {
    "email_sent": 30,
    "email_delivered": 25,
    "email_opened": 12,
    "email_clicked": 5,
    "email_bounced": 1,
    "user_registration": 3,
    "referral_made": 2,
    "contest_joined": 2,
    "conversion": 3,
    "feature_used": 15,
    "api_request": 10,
    "error": 1,
}


@dataclass
class Session:
    """One run. Its parts run in one event loop."""

    appliance: ApplianceProcess
    client: httpx.AsyncClient
    folder: Path
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    acknowledged: set[int] = field(default_factory=set)
    """The ids of all events that the server has promised to keep."""
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    _found: Counter[str] = field(default_factory=Counter)

    def find(self, what: str) -> None:
        """Note something that should not have happened; of very many different things, the first."""
        if what in self._found or len(self._found) < _MOST_FINDINGS:
            self._found[what] += 1

    def findings(self) -> list[str]:
        """What was noted, each once, with how often it happened."""
        return [f"{count:,} times: {what}" for what, count in self._found.items()]

    async def ask(
        self, what: str, method: str, path: str, expected: Collection[int] = (200,), **arguments: Any
    ) -> httpx.Response:
        """A request, counted and timed; another status than those expected is a finding."""
        began = time.perf_counter()
        answer = await self.client.request(method, path, **arguments)
        self.seconds.setdefault(what, []).append(time.perf_counter() - began)
        self.answers[what, answer.status_code] += 1
        if answer.status_code not in expected:
            self.find(f"{what}: {method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer

    async def again(self, every_seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do ``work`` until the run ends. What it raises is a finding, and the next turn comes all the same."""
        while not self.ended.is_set():
            try:
                await work()
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is to be told and not to end the run
                self.find(f"{getattr(work, '__name__', work)}: {type(fault).__name__}: {fault}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), every_seconds)

    def events(self, count: int, *, age_seconds: float = 60) -> list[dict[str, Any]]:
        """Events that happened within the last ``age_seconds``, each with an id of its own."""
        kinds = self.rng.choices(list(_KINDS), list(_KINDS.values()), k=count)
        return [self._event(kind, age_seconds) for kind in kinds]

    def promised(self, events: Collection[dict[str, Any]]) -> None:
        """The server has answered that it keeps these."""
        self.acknowledged.update(uuid.UUID(event["event_id"]).int for event in events)

    def _event(self, kind: str, age_seconds: float) -> dict[str, Any]:
        event: dict[str, Any] = {
            "event_id": str(uuid.UUID(int=self.rng.getrandbits(128), version=4)),
            "event_type": kind,
            "user_id": f"user-{self.rng.randrange(20_000)}",
            "timestamp": round(time.time() - self.rng.random() * age_seconds, 6),
            "session_id": f"s-{self.rng.randrange(5_000)}",
            "properties": {"plan": self.rng.choice(["free", "pro"]), "country": "DE"},
        }
        if kind.startswith("email_") or kind == "conversion":
            event["campaign_id"] = f"campaign-{self.rng.randrange(8)}"
        if kind == "conversion":
            event["properties"] |= {"revenue": f"{self.rng.randrange(1, 9_999) / 100:.2f}"}
            event["properties"]["currency"] = self.rng.choice(["USD", "USD", "EUR"])
        if kind == "email_bounced":
            event["properties"]["bounce_type"] = "hard"
        return event
