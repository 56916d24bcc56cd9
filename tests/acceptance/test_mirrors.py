"""Mirrors as operators meet them, with targets that nobody answers at: orders, readiness, audit, a prompt stop."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.acceptance.conftest import StartServer
from tests.acceptance.server import Server
from tests.process import free_ports

_PATIENCE_SECONDS = 30.0


def _settings() -> dict[str, str]:
    nobody, _ = free_ports()
    return {"APPLIANCE__REDIS__HOST": "127.0.0.1", "APPLIANCE__REDIS__PORT": str(nobody)}


def _mirror(server: Server) -> dict[str, Any]:
    (mirror,) = server.request("GET", "/v1/mirrors").json()["mirrors"]
    assert isinstance(mirror, dict)
    return mirror


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _command(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance", "mirrors", *arguments, "--data", str(server.data)]
    environment = server.process._environment
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)


def test_a_mirror_that_is_down_changes_nothing_else(start_server: StartServer) -> None:
    """Events are taken, the appliance is ready, tells the lag and the reason without the password, and stops."""
    server = start_server(_settings())
    assert 202 == server.post([{"event_type": "email_sent", "user_id": "u"}] * 3).status
    _until(lambda: _mirror(server)["lag_events"] == 3 and _mirror(server)["error"] != "it has not been reached yet")
    ready = server.request("GET", "/ready")
    part = ready.json()["parts"]["redis"]
    assert (200, "down", 3) == (ready.status, part["status"], part["lag_events"])
    assert part["error"]
    page = server.request("GET", "/metrics").body.decode()
    assert 'appliance_lag_events{part="redis"} 3.0' in page
    assert 'appliance_mirror_up{part="redis"} 0.0' in page
    server.stop()


def test_orders_outlive_the_process(start_server: StartServer) -> None:
    """Pause and rebuild, over HTTP, by the command beside the server and without one; all of it is in the audit log."""
    server = start_server(_settings())
    assert "paused" == server.request("POST", "/v1/mirrors/redis/pause").json()["status"]
    server.restart()
    assert "paused" == _mirror(server)["status"]
    assert "redis goes on\n" == _command(server, "resume", "redis").stdout
    assert "paused" != _mirror(server)["status"]
    body = json.dumps({"from": "2026-01-31"}).encode()
    assert server.request("POST", "/v1/mirrors/redis/rebuild", body).json()["rebuilding"]
    server.stop()
    assert "at the next start" in _command(server, "pause", "redis").stdout
    listed = json.loads(_command(server, "list", "--json").stdout)["mirrors"]
    assert [("redis", "paused", True)] == [(one["name"], one["status"], one["rebuilding"]) for one in listed]
    server.start()
    assert ("paused", True) == (_mirror(server)["status"], _mirror(server)["rebuilding"])
    actions = server.request("GET", "/v1/audit").json()["actions"]
    told = [(action["actor"], action["action"], action["subject"], action["detail"]) for action in actions]
    assert ("owner", "mirror.pause", "redis", "") == told[0]
    assert "from 2026-01-31T00:00:00Z" == told[1][3]
    assert {"mirror.pause", "mirror.resume", "mirror.rebuild"} == {action["action"] for action in actions}


def test_names_and_bodies_that_are_wrong(start_server: StartServer) -> None:
    """An unknown mirror is told with those there are, a wrong time with its field, in the shell by the exit code."""
    server = start_server(_settings())
    answer = server.request("POST", "/v1/mirrors/kafka/pause")
    assert (404, "there is no mirror 'kafka': there are redis") == (answer.status, answer.json()["detail"])
    assert 404 == server.request("GET", "/v1/mirrors/kafka/dead-letters").status
    wrong = server.request("POST", "/v1/mirrors/redis/rebuild", b'{"from": "soon"}')
    assert (400, "from") == (wrong.status, wrong.json()["field"])
    assert 400 == server.request("GET", "/v1/mirrors/redis/dead-letters?limit=0").status
    assert {"dead_letters": [], "total": 0, "dropped": 0} == server.request(
        "GET", "/v1/mirrors/redis/dead-letters"
    ).json()
    done = _command(server, "pause", "kafka")
    assert (3, 1) == (done.returncode, done.stderr.count("\n"))
