"""A Java that both Kafka and Elasticsearch run on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.services.errors import Unavailable
from tests.services.machine import run

QUICK_START: Final = "-XX:TieredStopAtLevel=1"
"""Half the processor time of a start goes into optimising code that a test doesn't use for long."""
_OLDEST: Final = 17
_NEWEST: Final = 23
"""Elasticsearch 8.16 asks for Java's security manager, which 24 no longer has."""


@cache
def home() -> Path:
    """Its folder; raises ``Unavailable``."""
    for folder in _candidates():
        if _OLDEST <= _version(folder / "bin/java") <= _NEWEST:
            return folder
    raise Unavailable(f"no Java {_OLDEST} to {_NEWEST} found; name one in JAVA_HOME, or install {package()}")


def is_here() -> bool:
    try:
        home()
    except Unavailable:
        return False
    return True


def package() -> str:
    """The Debian package to install: newer releases no longer have 17."""
    for name in ("openjdk-17-jre-headless", "openjdk-21-jre-headless"):
        try:
            if "Candidate: (none)" not in run(["apt-cache", "policy", name]):
                return name
        except (OSError, subprocess.SubprocessError):
            break
    return "openjdk-17-jre-headless"


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("JAVA_HOME"):
        yield Path(named)
    if found := shutil.which("java"):
        yield Path(found).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*/"))


def _version(java: Path) -> int:
    """The major version, or 0."""
    try:
        said = run([str(java), "-version"])
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0
