"""A disk that fills up: clear refusals, reading goes on, nothing acknowledged is lost, and it recovers by itself."""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.clock import SystemClock
from appliance.errors import LogError, LogUnavailable, StorageFull
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.testing import make_row
from tests.acceptance.server import Answer, Server
from tests.acceptance.small_disk import SmallDisk, mounted

_SIZE, _LARGER = 48, 160
_REFUSALS = 30


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk", _SIZE) as made:
        yield made


class _Sender:
    """Sends batches with ids of its own and remembers which were acknowledged."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.acknowledged: list[str] = []
        self.refusals: list[Answer] = []

    def send(self, count: int = 2_000) -> Answer:
        ids = [str(uuid.uuid4()) for _ in range(count)]
        answer = self._server.post([self._event(number, name) for number, name in enumerate(ids)])
        if answer.status == 202:
            assert count == answer.json()["accepted"]
            self.acknowledged += ids
        else:
            self.refusals.append(answer)
        return answer

    def fill(self) -> None:
        """Send until it is refused again and again: a checkpoint in between may make room once more."""
        refused = 0
        while refused < _REFUSALS:
            refused = 0 if self.send().status == 202 else refused + 1
            time.sleep(0.05 if refused else 0)

    def wait_taken(self) -> None:
        """Send until it is taken again, by itself."""
        for _ in range(200):
            if self.send(10).status == 202:
                return
            time.sleep(0.1)
        raise AssertionError(f"still refused: {self.refusals[-1].body!r}")

    def _event(self, number: int, event_id: str) -> dict[str, Any]:
        filler = os.urandom(100).hex()
        return {"event_id": event_id, "event_type": "x", "user_id": f"u{number}", "properties": {"filler": filler}}


def _check_refusal(answer: Answer) -> None:
    assert (503, "storage_full") == (answer.status, answer.json()["code"])
    assert 0 < int(answer.headers["retry-after"]) <= 60


def _check_reads(server: Server) -> None:
    ready = server.request("GET", "/ready")
    assert 503 == ready.status
    assert "storage_full" in " ".join(ready.json()["reasons"]) or "too little free space" in ready.json()["reasons"][0]
    assert 200 == server.request("GET", "/v1/metrics").status
    assert 200 == server.request("GET", "/v1/activity").status


def _wait_ready(server: Server) -> None:
    for _ in range(100):
        if server.process.is_ready():
            return
        time.sleep(0.1)
    raise AssertionError(server.request("GET", "/ready").body)


def _check_stored(server: Server, acknowledged: list[str]) -> None:
    stored = Counter(name for (name,) in server.stored("SELECT event_id::VARCHAR FROM events"))
    assert set() == set(acknowledged) - set(stored)
    assert 1 == max(stored.values())


@pytest.mark.slow
def test_below_the_free_bytes_asked_for_events_are_refused(disk: SmallDisk) -> None:
    """503 with ``storage_full`` and when to try again; figures are read on; with room again it goes on by itself."""
    server = Server(disk.path, {"APPLIANCE__LOG__MIN_FREE_BYTES": "8000000"})
    with server.process:
        server.start()
        sender = _Sender(server)
        sender.fill()
        for refusal in sender.refusals:
            _check_refusal(refusal)
        assert disk.free_bytes() > 4_000_000
        _check_reads(server)
        assert server.process.running

        disk.enlarge(_LARGER)
        sender.wait_taken()
        _wait_ready(server)
        _check_stored(server, sender.acknowledged)


@pytest.mark.slow
def test_a_disk_without_a_byte_left_loses_nothing(disk: SmallDisk) -> None:
    """With nothing kept free DuckDB itself runs out in a commit: a clear 503, and the same recovery.

    What the appliance prints goes to the same full disk.
    """
    settings = {"APPLIANCE__LOG__MIN_FREE_BYTES": "0", "APPLIANCE__LOG__CHECKPOINT_WAL_BYTES": "4000000"}
    server = Server(disk.path, settings)
    with server.process:
        server.start()
        sender = _Sender(server)
        sender.fill()
        (disk.path / "ballast").write_bytes(b"x" * max(0, disk.free_bytes() - 4_096))
        sender.fill()
        for refusal in sender.refusals:
            _check_refusal(refusal)
        assert 200 == server.request("GET", "/v1/metrics").status

        disk.enlarge(_LARGER)
        sender.wait_taken()
        _wait_ready(server)
        _check_stored(server, sender.acknowledged)


@pytest.mark.slow
def test_a_start_on_a_full_disk_reads_and_recovers(disk: SmallDisk) -> None:
    """Killed when the disk was full and started again there, it answers with figures, and takes events with room."""
    server = Server(disk.path, {"APPLIANCE__LOG__MIN_FREE_BYTES": "0"})
    with server.process:
        server.start()
        sender = _Sender(server)
        sender.fill()
        server.kill()
        (disk.path / "ballast").write_bytes(b"x" * max(0, disk.free_bytes() - 4_096))
        server.process.start()
        for _ in range(300):
            if _is_alive(server):
                break
            assert server.process.running, server.process.last_words()
            time.sleep(0.1)
        assert 200 == server.request("GET", "/v1/metrics").status

        disk.enlarge(_LARGER)
        sender.wait_taken()
        _wait_ready(server)
        _check_stored(server, sender.acknowledged)


@pytest.mark.slow
def test_a_checkpoint_that_runs_out_of_room_loses_nothing(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails, the file is opened anew, everything committed is there, and with room the next one succeeds."""
    log = DuckDBLog(disk.path / "data", SystemClock())
    # no room is kept for the checkpoint, as if somebody else had taken it meanwhile
    monkeypatch.setattr(log.space, "_spoken_for", lambda: 0)
    stored = _fill(log)
    with pytest.raises(LogUnavailable, match="No space left"):
        log.checkpoint()
    with pytest.raises(LogError):
        log.append([Batch([make_row(properties={"filler": os.urandom(1_000_000).hex()})])])
    assert stored == _count(log)

    disk.enlarge(_LARGER)
    time.sleep(0.3)
    log.heal()
    log.checkpoint()
    assert 0 == log.wal_bytes()
    assert 1 == log.append([Batch([make_row()])])[0].accepted
    assert stored + 1 == _count(log)
    log.close()


def _fill(log: DuckDBLog) -> int:
    stored = 0
    while True:
        rows = [make_row(properties={"filler": os.urandom(200).hex()}) for _ in range(1_000)]
        try:
            stored += log.append([Batch(rows)])[0].accepted
        except StorageFull:
            return stored


def _count(log: DuckDBLog) -> int:
    with log.reader() as cursor:
        return int(cursor.execute("SELECT count(*) FROM events").fetchall()[0][0])


def _is_alive(server: Server) -> bool:
    try:
        return server.request("GET", "/health").status == 200
    except OSError:
        return False
