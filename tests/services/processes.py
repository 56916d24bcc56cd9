"""Processes that outlive the one that started them, told apart from others that got their number later."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PROC: Final = Path("/proc")
_POLL_SECONDS: Final = 0.01
_DEAD: Final = "ZX"


@dataclass(frozen=True)
class Process:
    """A process by its number and its start in clock ticks since boot: both together never come again."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this number now."""
        fields = _fields(pid)
        return cls(pid, int(fields[19])) if fields else None

    @property
    def running(self) -> bool:
        """Whether it is still there and still the same; one that was stopped by a signal is."""
        fields = _fields(self.pid)
        if not fields or int(fields[19]) != self.started:
            return False
        # one that was killed is called a zombie while some of its threads still hold files and ports
        return fields[0] not in _DEAD or int(fields[17]) > 1

    @property
    def paused(self) -> bool:
        fields = _fields(self.pid)
        return self.running and fields[:1] == ["T"]

    @property
    def resident_mebibytes(self) -> int:
        """Memory of it and its children; pages they share count once for each."""
        pages = 0
        for pid in self.tree():
            with suppress(OSError, IndexError):
                pages += int((_PROC / str(pid) / "statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") >> 20

    def tree(self) -> list[int]:
        """It and all its descendants, parents first; nothing when it is gone."""
        if not self.running:
            return []
        children: dict[int, list[int]] = {}
        for pid in _all():
            if fields := _fields(pid):
                children.setdefault(int(fields[1]), []).append(pid)
        found = [self.pid]
        for pid in found:
            found.extend(children.get(pid, ()))
        return found

    def send(self, number: signal.Signals) -> None:
        """To it alone; nothing happens when it is gone."""
        if self.running:
            _send(self.pid, number)

    def send_all(self, number: signal.Signals) -> None:
        """STOP, CONT or KILL, to it and all its descendants; it itself can make no new ones in between."""
        self.send(signal.SIGSTOP)
        for pid in reversed(self.tree()):
            _send(pid, number)

    def kill_all(self, timeout_seconds: float) -> None:
        """SIGKILL to it and all its descendants; return when they are gone, raises ``TimeoutError``."""
        self.send(signal.SIGSTOP)
        found = [process for pid in self.tree() if (process := Process.of(pid))]
        for process in found:
            process.send(signal.SIGKILL)
        for process in found:
            if not process.wait(timeout_seconds):
                raise TimeoutError(f"process {process.pid} survives SIGKILL")

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it ended in time."""
        deadline = time.monotonic() + timeout_seconds
        while self.running:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def _fields(pid: int) -> list[str]:
    """What ``/proc/PID/stat`` says from the state on; nothing when there is no such process."""
    try:
        return (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _all() -> Iterator[int]:
    return (int(path.name) for path in _PROC.iterdir() if path.name.isdigit())


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
