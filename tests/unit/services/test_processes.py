"""Processes are told apart and ended whole."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.services.processes import Process


@pytest.fixture
def family() -> Iterator[Process]:
    """A shell with two children that wait."""
    with subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & wait"]) as shell:
        process = Process.of(shell.pid)
        assert process is not None
        _until(lambda: len(process.tree()) == 3)
        yield process
        process.kill_all(timeout_seconds=10)


def _until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.01)


def test_a_family_is_killed_whole(family: Process) -> None:
    """A parent and its children are gone when ``kill_all`` returns."""
    members = [Process.of(pid) for pid in family.tree()]
    family.kill_all(timeout_seconds=10)
    assert [False] * 3 == [member is not None and member.running for member in members]


def test_a_family_is_paused_whole(family: Process) -> None:
    """SIGSTOP reaches the children too, and SIGCONT wakes them."""
    members = [process for pid in family.tree() if (process := Process.of(pid))]
    family.send_all(signal.SIGSTOP)
    _until(lambda: all(member.paused for member in members))
    assert family.running
    family.send_all(signal.SIGCONT)
    _until(lambda: not any(member.paused for member in members))


def test_another_process_with_the_same_number_is_left_alone(family: Process) -> None:
    """One that started at another time is somebody else's: it doesn't count as running, and no signal reaches it."""
    earlier = Process(family.pid, family.started - 1)
    earlier.send(signal.SIGKILL)
    earlier.kill_all(timeout_seconds=1)
    assert (False, True) == (earlier.running, family.running)


def test_there_is_no_process_of_a_free_number() -> None:
    """A number that nobody has gives None."""
    with subprocess.Popen(["true"]) as ended:
        pass
    assert Process.of(ended.pid) is None
    assert Process.of(os.getpid()) == Process.of(os.getpid())
