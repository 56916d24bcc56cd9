"""The machine: where installs and states lie, who runs what, and other programs."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.services.errors import Unavailable

NOBODY: Final = 65534
"""PostgreSQL and Elasticsearch refuse to run as root; root starts every service as ``nobody``."""


def is_root() -> bool:
    return os.geteuid() == 0


def cache() -> Path:
    """The folder of installs and states, made when missing; every user can pass through it.

    ``APPLIANCE_SERVICES_DIR`` names another. Raises ``Unavailable`` when it can't be made or reached.
    """
    folder = Path(os.environ.get("APPLIANCE_SERVICES_DIR") or _usual_cache()).absolute()
    make_folder(folder)
    check_reachable(folder)
    return folder


def _usual_cache() -> Path:
    name = "analytics-appliance/services"
    if is_root():  # its home folder is closed to nobody
        return Path("/var/cache") / name
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / name


def make_folder(folder: Path) -> None:
    """Make it and its parents, readable by everybody whatever the umask is; one that exists is left as it is."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            path.chmod(0o755)
    except OSError as fault:
        raise Unavailable(
            f"{folder} can't be made ({fault.strerror}); name another in APPLIANCE_SERVICES_DIR"
        ) from None


def check_reachable(folder: Path) -> None:
    """Raises ``Unavailable`` when root's services, which run as nobody, can't get there."""
    closed = [path for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001]
    if is_root() and closed:
        raise Unavailable(f"{folder} lies in {closed[-1]}, which is closed to other users; name another folder")


def hand_over(path: Path) -> None:
    """Give a file, or a folder with all in it, to the user that runs services."""
    if is_root():
        for each in (path, *path.rglob("*")):
            os.chown(each, NOBODY, NOBODY, follow_symlinks=False)


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Hold ``lock`` against other processes and threads; it ends with the process."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str], *, as_service: bool = False, folder: Path | None = None, timeout: float = 60) -> str:
    """What a command printed, with its errors; raises ``OSError`` or ``subprocess.SubprocessError``."""
    user = service_user() if as_service else None
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        check=True,
        cwd=folder,
        umask=0o022,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    return done.stdout


def service_user() -> int | None:
    """Root's services run as this one, anybody else's as themselves."""
    return NOBODY if is_root() else None
