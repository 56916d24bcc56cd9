"""What a long run takes of the machine, sample by sample, and whether it stays level."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import memory_mib

SHORTEST_MINUTES = 10
"""Below this a run is all warm-up, and its memory is shown but not judged."""
_MOST_GROWTH = 0.05
_MOST_GROWTH_MIB = 16
_MOST_PEAK = 1.25
_MOST_MORE_FILES = 8
_MOST_MORE_THREADS = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the process and its folder."""

    minute: float
    memory_mib: float
    files: int
    """Open file descriptors, connections among them."""
    threads: int
    disk_mib: float
    acknowledged: int
    """Events up to then."""


def look(pid: int, folder: Path, minute: float, acknowledged: int) -> Sample:
    """How the process stands now."""
    status = Path(f"/proc/{pid}/status").read_text()
    threads = int(status.partition("\nThreads:")[2].split()[0])
    files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - the kernel's names, not files
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Sample(minute, memory_mib(pid)[0], files, threads, disk / 2**20, acknowledged)


def memory_growth_mib(samples: Sequence[Sample]) -> float:
    """What the least-squares line through the samples climbs from the first to the last."""
    line = statistics.linear_regression([one.minute for one in samples], [one.memory_mib for one in samples])
    return line.slope * (samples[-1].minute - samples[0].minute)


def after_warm_up(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The last two thirds."""
    return samples[len(samples) // 3 :]


def findings(samples: Sequence[Sample]) -> list[str]:
    """What does not stay level after the warm-up.

    Memory: its line climbs by no more than 5 % of its median, or 16 MiB where that is more, and no sample lies above
    1.25 medians. Files and threads: the median of the last third lies near that of the middle one.
    """
    if samples[-1].minute < SHORTEST_MINUTES:
        return []
    level = after_warm_up(samples)
    found = []
    median = statistics.median(one.memory_mib for one in level)
    growth = memory_growth_mib(level)
    if growth > max(_MOST_GROWTH * median, _MOST_GROWTH_MIB):
        found.append(f"memory climbs: {growth:.0f} MiB after the warm-up, at a median of {median:.0f}")
    peak = max(one.memory_mib for one in level)
    if peak > _MOST_PEAK * median:
        found.append(f"memory peaks at {peak:.0f} MiB, {peak / median:.2f} medians")
    half = len(level) // 2
    for name, most, values in (
        ("open files", _MOST_MORE_FILES, [one.files for one in level]),
        ("threads", _MOST_MORE_THREADS, [one.threads for one in level]),
    ):
        before, after = statistics.median(values[:half]), statistics.median(values[half:])
        if after > before + most:
            found.append(f"{name} grow: from {before:g} to {after:g}")
    return found
