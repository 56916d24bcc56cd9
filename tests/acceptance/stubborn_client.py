"""A sender as careful ones are: each batch is sent until it is acknowledged, always with the same ids."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

_PAUSE_SECONDS = 0.05


class StubbornClient(threading.Thread):
    """Sends batches of 1 to 200 events, one after the other, until ``stop`` is set and the last is answered.

    ``sent`` and ``acknowledged`` are event ids as sent; an id is in ``acknowledged`` only when a 202
    counted its whole batch as accepted or duplicate, and ``found_stored`` counts those duplicates.
    Answers that no sender should get are ``faults``.
    """

    def __init__(self, port: int, number: int, stop: threading.Event) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.number = number
        self.sent: list[str] = []
        self.acknowledged: list[str] = []
        self.retried_batches = 0
        self.found_stored = 0
        self.faults: list[str] = []
        self._port = port
        self._asked_to_stop = stop
        self._rng = random.Random(number)
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        try:
            while not self._asked_to_stop.is_set():
                ids = self._next_ids()
                self.sent += ids
                if not self._deliver(ids):
                    return
                time.sleep(self._rng.uniform(0, 0.02))
        finally:
            self._hang_up()

    def _next_ids(self) -> list[str]:
        size = self._rng.choice((1, 1, 5, 50, 200))
        first = len(self.sent)
        return [f"client-{self.number}-{first + offset}" for offset in range(size)]

    def _deliver(self, ids: Sequence[str]) -> bool:
        """Send until acknowledged; False when the answer says that trying again is no use."""
        body = json.dumps([self._event(event_id) for event_id in ids]).encode()
        for attempt in range(1_000_000):
            status, answer = self._post(body)
            self.retried_batches += attempt == 1
            if status == 202:
                return self._acknowledge(ids, answer)
            if status not in {0, 503}:
                self.faults.append(f"answered {status}: {answer[:300]!r}")
                return False
            time.sleep(_PAUSE_SECONDS)
        return False

    def _acknowledge(self, ids: Sequence[str], answer: bytes) -> bool:
        counts = json.loads(answer)
        if counts["accepted"] + counts["duplicates"] != len(ids) or counts["rejected"]:
            self.faults.append(f"202 for {len(ids)} events says {counts}")
            return False
        self.acknowledged += ids
        self.found_stored += counts["duplicates"]
        return True

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; status 0 where none came."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            self._connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return 0, b""

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _event(self, event_id: str) -> dict[str, Any]:
        kind = self._rng.choice(("email_sent", "email_opened", "email_clicked", "conversion"))
        properties: dict[str, Any] = {"revenue": 12.5, "currency": "EUR"} if kind == "conversion" else {}
        return {
            "event_id": event_id,
            "event_type": kind,
            "user_id": f"user-{self._rng.randrange(500)}",
            "campaign_id": f"campaign-{self._rng.randrange(5)}",
            "timestamp": time.time() - self._rng.uniform(0, 3 * 86_400),
            "properties": properties,
        }
