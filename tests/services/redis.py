"""Redis, from Debian's package."""

from __future__ import annotations

import re
import shutil
import socket
from typing import ClassVar, Final

from tests.services.errors import Unavailable
from tests.services.machine import run
from tests.services.service import Service

_OURS: Final = {
    "bind": "127.0.0.1",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "no",
    "save": "",
}
"""``appendfsync no`` writes before it answers, without waiting for the disk: SIGKILL loses nothing that was
acknowledged, whereas ``everysec`` may hold writes back."""


class Redis(Service):
    """It may do without a password; ``requirepass`` among the options sets one."""

    name: ClassVar[str] = "redis"
    start_seconds: ClassVar[float] = 60

    @classmethod
    def missing_packages(cls) -> list[str]:
        return [] if shutil.which("redis-server") else ["redis-server"]

    @classmethod
    def install(cls) -> None:
        cls.check()

    @classmethod
    def check(cls) -> None:
        if cls.missing_packages():
            raise Unavailable("redis: there is no redis-server here; install redis-server")

    @property
    def url(self) -> str:
        return f"redis://{self.address}/0"

    def _version(self) -> str:
        found = re.search(r"v=([\d.]+)", run(["redis-server", "--version"]))
        return found[1] if found else ""

    def _prepare(self) -> None:
        settings = {**_OURS, "port": str(self.port), "dir": str(self.data), **self.options}
        lines = [f'{name} "{value}"' if value == "" else f"{name} {value}" for name, value in settings.items()]
        (self.folder / "redis.conf").write_text("\n".join(lines) + "\n", "utf-8")

    def _command(self) -> list[str]:
        return ["redis-server", str(self.folder / "redis.conf")]

    def _answers(self) -> bool:
        """Whether it has read its data; one without disk space, or that wants a password, answers with an error."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH", b"-MISCONF"))
