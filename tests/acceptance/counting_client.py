"""A sender whose events carry a running number, so that a gap or a late one shows."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import closing


class CountingClient(threading.Thread):
    """Posts batches over one connection at a steady pace; ``acknowledged`` is how many events were, in order."""

    def __init__(self, port: int, name: str, stop: threading.Event, *, each: int, pause_seconds: float) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._name = name
        self._stop_sending = stop
        self._each = each
        self._pause_seconds = pause_seconds
        self.acknowledged = 0
        self.faults: list[str] = []

    def run(self) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            self._send_on(connection)

    def _send_on(self, connection: http.client.HTTPConnection) -> None:
        due = time.monotonic()
        while not self._stop_sending.is_set():
            batch = [self._event(self.acknowledged + number) for number in range(self._each)]
            connection.request("POST", "/v1/events", json.dumps(batch), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != 202:
                self.faults.append(told.decode())
                return
            self.acknowledged += self._each
            due += self._pause_seconds
            self._stop_sending.wait(max(0.0, due - time.monotonic()))

    def _event(self, number: int) -> dict[str, object]:
        return {"event_type": "counted", "user_id": self._name, "properties": {"number": number}}
