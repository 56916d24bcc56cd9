"""Debian packages: the only step that needs root."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.services.errors import Unavailable
from tests.services.machine import is_root, run

_SCRIPT: Final = Path(__file__).with_name("packages.sh")
_TIMEOUT_SECONDS: Final = 900


def install(packages: Sequence[str]) -> None:
    """Install them; raises ``Unavailable``, which names the packages, when that isn't possible."""
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise Unavailable(f"there is no apt-get here; install what Debian calls {names}")
    try:
        run([*_as_root(names), "sh", str(_SCRIPT), *packages], timeout=_TIMEOUT_SECONDS)
    except subprocess.CalledProcessError as fault:
        raise Unavailable(f"apt-get can't install {names}: {error_line(fault.output, 'E: ')}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"apt-get didn't install {names} within {_TIMEOUT_SECONDS // 60} minutes") from None


def _as_root(names: str) -> list[str]:
    if is_root():
        return []
    sudo = ["sudo", "-n"]
    try:
        run([*sudo, "true"])
    except (OSError, subprocess.SubprocessError):
        raise Unavailable(f"installing needs root; as root: apt-get install {names}") from None
    return sudo


def error_line(output: str, mark: str) -> str:
    """The first line that has the mark of an error, or else the last one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in lines if line.startswith(mark)), lines[-1])
