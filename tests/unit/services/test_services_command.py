"""``scripts/services`` where a service can't be had, and the record of what it started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.catalogue import SERVICES
from tests.services.ports import free_port, is_free

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that other users can pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def _run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHONPATH": str(ROOT), "APPLIANCE_SERVICES_DIR": str(folder)} | environment
    command = [sys.executable, "-m", "tests.services", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables, timeout=60)


def test_a_machine_without_apt_gets_one_line_and_status_3(folder: Path) -> None:
    """What is missing is named, in one line."""
    done = _run(folder, "start", "redis", PATH=str(folder))
    assert (3, "") == (done.returncode, done.stdout)
    assert "error: there is no apt-get here; install what Debian calls redis-server\n" == done.stderr


def test_a_folder_closed_to_others_gets_one_line_and_status_3(folder: Path) -> None:
    """A service that runs as another user couldn't get to its data."""
    if os.getuid() != 0:
        pytest.skip("A CLOSED FOLDER IS NOT TESTED HERE: only root runs services as another user")
    (folder / "closed").mkdir(mode=0o700)
    done = _run(folder / "closed/cache", "status")
    assert (3, 1) == (done.returncode, done.stderr.count("\n"))
    assert f"{folder}/closed, which is closed to other users" in done.stderr


def test_status_of_what_was_never_started(folder: Path) -> None:
    """All are down, and the exit status says so."""
    done = _run(folder, "status", "--json")
    states = json.loads(done.stdout)
    assert (1, set(SERVICES), {"down"}) == (
        done.returncode,
        set(states),
        {state["status"] for state in states.values()},
    )


def test_stop_leaves_a_process_alone_that_took_over_the_number(folder: Path) -> None:
    """A recorded number whose process started at another time belongs to somebody else."""
    (folder / "state/redis").mkdir(parents=True)
    record = {"ports": {"port": 1}, "version": "7", "pid": os.getpid(), "started": 1}
    (folder / "state/redis/service.json").write_text(json.dumps(record), "utf-8")
    done = _run(folder, "stop", "redis")
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_a_free_port_is_not_one_for_outgoing_connections() -> None:
    """A service that is down keeps its port: the kernel gives it to nobody."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    port = free_port()
    assert is_free(port)
    assert port < first
