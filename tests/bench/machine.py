"""Where a measurement was made: what the reader needs to judge the numbers."""

from __future__ import annotations

import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path


def describe(folder: Path) -> dict[str, str]:
    """The machine in words, with the cost of an fsync measured in ``folder``."""
    return {
        "processor": f"{_first('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "Python": platform.python_version(),
        "DuckDB": version("duckdb"),
        "load before the run": f"{os.getloadavg()[0]:.1f} (1 minute)",
        "fsync of 4 KiB": f"{fsync_ms(folder):.2f} ms (median of 100)",
    }


def fsync_ms(folder: Path) -> float:
    """Median milliseconds of appending 4 KiB to a file and making it durable."""
    path = folder / "fsync"
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(100):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    path.unlink()
    return statistics.median(took) * 1000


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident memory of a process now, and the most it ever had."""
    status = f"/proc/{pid}/status"
    return tuple(int(_first(status, field).split()[0]) / 1024 for field in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


def processor_seconds(pid: int) -> float:
    """User and system time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _first(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"
