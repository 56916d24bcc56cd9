"""A few lines of C in front of the C library, so that the real process meets a disk or a clock that misbehaves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def preloaded(folder: Path, source: str) -> dict[str, str]:
    """The environment that puts ``source`` before the C library; skips the test where nothing compiles C."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here to put something before the C library")
    code, library = folder / "preloaded.c", folder / "preloaded.so"
    code.write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(code), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}
