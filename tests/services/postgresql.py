"""PostgreSQL, from Debian's packages."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar, Final

from tests.services.errors import NotStarted, Unavailable
from tests.services.machine import run
from tests.services.service import Service

_OURS: Final = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}
"""Nothing waits for the disk, yet a commit is with the kernel when it returns: SIGKILL loses nothing."""


class PostgreSQL(Service):
    """Everybody may come in as ``postgres``, the superuser; the database is ``postgres``."""

    name: ClassVar[str] = "postgresql"
    start_seconds: ClassVar[float] = 60
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # doesn't wait for clients to leave

    @classmethod
    def missing_packages(cls) -> list[str]:
        return [] if _programs() else ["postgresql"]

    @classmethod
    def install(cls) -> None:
        cls.check()

    @classmethod
    def check(cls) -> None:
        if not _programs():
            raise Unavailable("postgresql: there is no initdb here; install postgresql")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.address}/postgres"

    def reload(self) -> None:
        """Let changed options count without a restart, those that can: ``default_transaction_read_only`` does."""
        self._write_settings()
        if process := self.process:
            process.send(signal.SIGHUP)

    def _version(self) -> str:
        found = re.search(r"[\d.]+", run([self._program("postgres"), "--version"]))
        return found[0] if found else ""

    @property
    def _cluster(self) -> Path:
        return self.data / "cluster"

    def _prepare(self) -> None:
        if not (self._cluster / "PG_VERSION").exists():
            self._make_database()
        self._write_settings()

    def _make_database(self) -> None:
        arguments = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        command = [self._program("initdb"), "-D", str(self._cluster), *arguments]
        shutil.rmtree(self._cluster, ignore_errors=True)
        try:
            run(command, as_service=True, folder=self.folder)
        except subprocess.CalledProcessError as fault:
            raise NotStarted(f"postgresql: initdb failed: {fault.output[-1_500:].strip()}") from None

    def _write_settings(self) -> None:
        settings = {**_OURS, "port": str(self.port), "unix_socket_directories": "", **self.options}
        lines = (f"{name} = '{value}'\n" for name, value in settings.items())
        (self._cluster / "postgresql.auto.conf").write_text("".join(lines), "utf-8")

    def _command(self) -> list[str]:
        return [self._program("postgres"), "-D", str(self._cluster)]

    def _answers(self) -> bool:
        command = [self._program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False, timeout=10).returncode == 0

    def _program(self, name: str) -> str:
        return f"{_programs()}/{name}"


def _programs() -> str | None:
    """The folder of the newest release's programs: Debian keeps them off PATH."""
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(folders, key=lambda path: int(path.parts[-3]), default=None) or shutil.which("initdb")
    return str(Path(newest).resolve().parent) if newest else None
