"""The appliance itself is killed again and again while it mirrors to Elasticsearch."""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from tests.integration.elasticsearch_target import ElasticsearchTarget
from tests.process import ApplianceProcess, free_ports
from tests.services.elasticsearch import Elasticsearch

KILLS: Final = int(os.environ.get("MIRROR_KILLS", "3"))
_PATIENCE_SECONDS: Final = 90.0


@pytest.fixture
def target(elasticsearch: Elasticsearch) -> Iterator[ElasticsearchTarget]:
    """Indices of the test's own."""
    target = ElasticsearchTarget(elasticsearch)
    yield target
    target.clear()


@pytest.fixture
def appliance(target: ElasticsearchTarget, tmp_path: Path) -> Iterator[ApplianceProcess]:
    """One that mirrors there in small batches, not started yet."""
    port, ui_port = free_ports()
    environment = {
        "APPLIANCE__ELASTICSEARCH__HOSTS": target.service.url,
        "APPLIANCE__ELASTICSEARCH__INDEX_PREFIX": target.prefix,
        "APPLIANCE__ELASTICSEARCH__BATCH_EVENTS": "60",
    }
    output = tmp_path / "output.txt"
    with ApplianceProcess(
        tmp_path / "data", port=port, ui_port=ui_port, output=output, environment=environment
    ) as process:
        yield process


class _Sender(threading.Thread):
    """Sends small batches and repeats each until it is answered."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.ending = threading.Event()
        self.acknowledged = 0

    def run(self) -> None:
        rng = random.Random(5)
        while not self.ending.is_set():
            at = time.time() - rng.choice((60, 86_400, 2 * 86_400))
            events = [
                {"event_type": "email_sent", "user_id": f"u{rng.randrange(9)}", "event_id": str(uuid.uuid4())}
                | {"timestamp": at, "properties": {"n": rng.random()}}
                for _ in range(20)
            ]
            while not self._sent(json.dumps(events)):
                time.sleep(0.05)
            self.acknowledged += len(events)
            time.sleep(0.01)

    def _sent(self, body: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/v1/events", body)
            return connection.getresponse().status == 202
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _mirror(appliance: ApplianceProcess) -> dict[str, Any]:
    (mirror,) = json.loads(appliance.get("/v1/mirrors")[1])["mirrors"]
    assert isinstance(mirror, dict)
    return mirror


def _until_caught_up(appliance: ApplianceProcess) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (mirror := _mirror(appliance))["lag_events"] or mirror["status"] != "up":
        assert time.monotonic() < deadline, mirror
        time.sleep(0.1)


def test_the_indices_are_the_log_after_kill_9(target: ElasticsearchTarget, appliance: ApplianceProcess) -> None:
    """Killed at random moments under load, it ends with every event of the log in the index of its day, once."""
    rng = random.Random(11)
    appliance.start()
    appliance.wait_ready()
    sender = _Sender(appliance.port)
    sender.start()
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.2, 1.5))
        appliance.kill()
        appliance.start()
        appliance.wait_ready()
    sender.ending.set()
    sender.join(_PATIENCE_SECONDS)
    _until_caught_up(appliance)
    assert (0, 0) == (_mirror(appliance)["dead_letters"], appliance.stop())
    with duckdb.connect(str(appliance.data / "events.duckdb"), read_only=True) as log:
        log.execute("SET TimeZone = 'UTC'")
        events = log.execute("SELECT * FROM events").to_arrow_table().to_pylist()
    assert 0 < sender.acknowledged <= len(events)
    assert target.expected(events) == target.effects()
