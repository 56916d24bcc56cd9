"""The services of one test run: in a folder of its own, and none left behind, not even by a run that was killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tests.services import machine, packages
from tests.services.catalogue import SERVICES
from tests.services.processes import Process
from tests.services.service import Service

AnyService = TypeVar("AnyService", bound=Service)


class Session:
    """Makes services whose folders lie in ``sessions/PID-START-…`` of the cache folder; starts none by itself."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._shared: dict[type[Service], Service] = {}
        self._made: list[Service] = []

    def shared(self, kind: type[AnyService]) -> AnyService:
        """The one of this kind for the whole run, started. Raises ``Unavailable`` or ``NotStarted``."""
        if kind not in self._shared:
            service = self.new(kind)
            service.start()
            self._shared[kind] = service
        found = self._shared[kind]
        assert isinstance(found, kind)
        return found

    def new(self, kind: type[AnyService], options: Mapping[str, str] | None = None) -> AnyService:
        """One more of this kind, not started. Raises ``Unavailable``."""
        _make_available(kind)
        service = kind(self._own_folder() / f"{kind.name}-{len(self._made)}", options)
        self._made.append(service)
        return service

    def mend(self) -> None:
        """Start and resume what a test left stopped or paused of the shared ones."""
        for service in self._shared.values():
            if (process := service.process) is None or process.paused:
                service.start()

    def end(self) -> None:
        """Kill all and remove their data."""
        for service in self._made:
            service.kill()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._shared.clear()
        self._made.clear()
        self._folder = None

    def _own_folder(self) -> Path:
        if self._folder is None:
            sessions = machine.cache() / "sessions"
            machine.make_folder(sessions)
            with machine.locked(sessions / "lock"):
                _remove_deserted(sessions)
                process = Process.of(os.getpid())
                assert process is not None
                self._folder = Path(tempfile.mkdtemp(prefix=f"{process.pid}-{process.started}-", dir=sessions))
                self._folder.chmod(0o755)
        return self._folder


def _make_available(kind: type[Service]) -> None:
    """CI installs what is missing; elsewhere the machine is somebody's own."""
    if os.environ.get("CI") == "true":
        if missing := kind.missing_packages():
            packages.install(missing)
        kind.install()
    kind.check()


def _remove_deserted(sessions: Path) -> None:
    """End the services of runs that are gone without having done so."""
    for folder in sessions.glob("*-*-*/"):
        pid, started, _ = folder.name.split("-", 2)
        if not Process(int(pid), int(started)).running:
            for state in folder.glob("*/"):
                _remove(SERVICES[state.name.split("-")[0]](state))
            shutil.rmtree(folder, ignore_errors=True)


def _remove(service: Service) -> None:
    service.kill()
    if os.path.ismount(service.data):
        with suppress(OSError, subprocess.SubprocessError):
            machine.run(["umount", "--lazy", str(service.data)])
    service.remove()
