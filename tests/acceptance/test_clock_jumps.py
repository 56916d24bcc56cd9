"""The machine's clock is set while the process runs: nothing hangs, nothing is lost or counted twice."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.acceptance.conftest import StartServer
from tests.acceptance.preloaded import preloaded
from tests.acceptance.server import Server
from tests.process import run_command

# Adds the seconds in a file to the time of day; the monotonic clock goes on as it does.
_SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static long offset(void) {
    long seconds = 0;
    FILE *file = fopen(getenv("CLOCK_OFFSET"), "r");
    if (file) {
        if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
        fclose(file);
    }
    return seconds;
}
int clock_gettime(clockid_t id, struct timespec *time) {
    int (*real)() = (int (*)())dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, time);
    if (id == CLOCK_REALTIME) time->tv_sec += offset();
    return result;
}
"""
_DAY = 86_400
_OFFSETS = (0, 3_600, -3_600, _DAY, -_DAY, 30 * _DAY, 3_650 * _DAY, 0, -300 * _DAY, 0)


@pytest.mark.slow
def test_the_clock_is_set_back_and_forth(start_server: StartServer, tmp_path: Path) -> None:
    """At each time of day events are stored once and counted at once, rollups go on, and ``as_of`` is that time."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    settings = {"CLOCK_OFFSET": str(offset), "APPLIANCE__METRICS__CALCULATION_INTERVAL": "1"}
    server = start_server(preloaded(tmp_path, _SHIM) | settings)
    for number, seconds in enumerate(_OFFSETS):
        offset.write_text(str(seconds))
        body = [{"event_type": "x", "user_id": "u", "event_id": name} for name in ("the same", f"number {number}")]
        told = server.post(body).json()
        assert 2 == told["accepted"] + told["duplicates"]
        assert (0 if number == 0 else 1) == told["duplicates"]
        metrics = server.request("GET", "/v1/metrics").json()
        shown = datetime.fromisoformat(metrics["as_of"]).timestamp()
        assert abs(shown - time.time() - seconds) < 60
        points = server.request("GET", "/v1/activity?minutes=2").json()["points"]
        assert 1 <= sum(point["events"] for point in points)
        _wait_for_rollups(server)
    server.stop()
    told = run_command("verify", "--data", str(server.data), "--json")
    assert 0 == told.returncode, told.stdout + told.stderr
    assert len(_OFFSETS) + 1 == json.loads(told.stdout)["events"]


def _wait_for_rollups(server: Server) -> None:
    deadline = time.monotonic() + 30
    while server.request("GET", "/ready").json()["parts"]["rollups"]["lag_events"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
