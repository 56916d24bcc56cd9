"""A disk whose ``fsync`` doesn't return: the process says so, keeps its bounds, stops in time, and loses nothing."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import StartServer
from tests.acceptance.preloaded import preloaded
from tests.acceptance.server import Answer, Server

# Holds every fsync up as long as the file named in the environment is there.
_SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
static void wait_for_disk(void) {
    const char *name = getenv("STUCK_WHILE");
    while (name && access(name, F_OK) == 0) usleep(20000);
}
int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_for_disk();
    return real(fd);
}
int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_for_disk();
    return real(fd);
}
"""


class Disk:
    """Where the data lies; while it is stuck nothing is made durable."""

    def __init__(self, folder: Path) -> None:
        self._stuck = folder / "stuck"
        self.environment = preloaded(folder, _SHIM) | {"STUCK_WHILE": str(self._stuck)}

    def stick(self) -> None:
        self._stuck.touch()

    def answer(self) -> None:
        self._stuck.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.mark.slow
def test_a_stuck_disk_is_told_and_survived(start_server: StartServer, disk: Disk) -> None:
    """503 from ``/ready`` with the reason and 200 from ``/health``, figures 503, ingest bounded; then all goes on."""
    server = start_server(disk.environment | {"APPLIANCE__INGEST__QUEUE_BYTES": "10000"})
    assert 202 == server.post(_event(0)).status
    disk.stick()
    waiting = [_Sender(server, number) for number in range(1, 4)]
    reasons = _until_not_ready(server)
    assert any("the writer has been at a commit for" in reason for reason in reasons)
    assert 200 == server.request("GET", "/health").status
    assert 503 == server.request("GET", "/v1/metrics").status
    assert "unavailable" == server.request("GET", "/v1/heatmap").json()["code"]
    refused = server.post(b" " * 20_000)
    assert (503, "overloaded") == (refused.status, refused.json()["code"])
    disk.answer()
    assert [202, 202, 202] == [sender.answer().status for sender in waiting]
    server.process.wait_ready()
    assert 202 == server.post(_event(4)).status
    assert 200 == server.request("GET", "/v1/metrics").status
    assert [(5, 5)] == server.stored("SELECT count(*), count(DISTINCT event_id) FROM events")


@pytest.mark.slow
def test_a_stuck_disk_keeps_nobody_from_stopping(start_server: StartServer, disk: Disk) -> None:
    """SIGTERM ends it with 0 within 15 s, those who wait are told 503, and what was acknowledged is there."""
    server = start_server(disk.environment)
    assert 202 == server.post(_event(0)).status
    disk.stick()
    sender = _Sender(server, 1)
    _until_not_ready(server)
    server.process.send(signal.SIGTERM)
    assert 503 == sender.answer().status
    assert 0 == server.process.wait(15)
    assert "Traceback" not in server.process.last_words()
    disk.answer()
    server.start()
    assert 202 == server.post([_event(0), _event(1)]).status
    assert [(2,)] == server.stored("SELECT count(*) FROM events")


class _Sender:
    """A request in a thread of its own."""

    def __init__(self, server: Server, number: int) -> None:
        self._answers: list[Answer] = []
        self._thread = threading.Thread(target=lambda: self._answers.append(server.post(_event(number))))
        self._thread.start()

    def answer(self) -> Answer:
        self._thread.join(60)
        return self._answers[0]


def _event(number: int) -> dict[str, str]:
    return {"event_type": "x", "user_id": "u", "event_id": str(number)}


def _until_not_ready(server: Server) -> list[str]:
    deadline = time.monotonic() + 30
    while (answer := server.request("GET", "/ready")).status != 503:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    reasons: list[str] = answer.json()["reasons"]
    return reasons
