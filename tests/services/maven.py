"""Installs from Maven's registry, kept in the cache folder under their version."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.services import java
from tests.services.errors import Unavailable
from tests.services.machine import cache, locked, run
from tests.services.packages import error_line

_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
_TIMEOUT_SECONDS: Final = 1_200


def installed(name: str) -> Path | None:
    """The folder of a whole install."""
    folder = cache() / name
    return folder if folder.is_dir() else None


def install(name: str, make: Callable[[Path, Path], Path]) -> Path:
    """The folder of an install, made once: another process that wants the same one waits.

    ``make(work, repository)`` makes it anywhere in ``work`` and returns where; what else is in there is thrown
    away, Maven's own repository too.
    """
    target = cache() / name
    with locked(cache() / f"{name}.lock"):
        if not target.is_dir():
            work = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=cache()))
            try:
                made = make(work, work / "repository")
                made.chmod(0o755)
                made.rename(target)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return target


def maven(goal: str, repository: Path, *arguments: str) -> None:
    """Run a goal of the dependency plugin; raises ``Unavailable`` with Maven's first error."""
    command = ["mvn", "-q", "-B", f"-Dmaven.repo.local={repository}", f"{_PLUGIN}:{goal}", *arguments]
    try:
        run(["env", f"JAVA_HOME={java.home()}", *command], timeout=_TIMEOUT_SECONDS)
    except subprocess.CalledProcessError as fault:
        raise Unavailable(f"Maven can't fetch it: {error_line(fault.output, '[ERROR]')}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"Maven didn't fetch it within {_TIMEOUT_SECONDS // 60} minutes") from None


def missing_packages() -> list[str]:
    """What Debian calls the programs that an install needs and that aren't here."""
    return [*([] if java.is_here() else [java.package()]), *([] if shutil.which("mvn") else ["maven"])]


def check_programs() -> None:
    """Raises ``Unavailable``."""
    java.home()
    if not shutil.which("mvn"):
        raise Unavailable("there is no mvn here; install maven")
