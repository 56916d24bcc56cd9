"""A file system of a few megabytes that a test may fill, and enlarge."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A tmpfs below ``path``; sizes are in MiB."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def enlarge(self, mebibytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={mebibytes}m", str(self.path)], check=True, capture_output=True)

    def free_bytes(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize


@contextmanager
def mounted(path: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Mount it; where that isn't possible the test is skipped, in CI as root it fails."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        reason = f"A FULL DISK IS NOT TESTED HERE: mounting a tmpfs needs root and the right to: {fault}"
        if os.environ.get("CI") == "true" and os.getuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
