"""A real service on 127.0.0.1, with a folder and ports of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from tests.services import machine
from tests.services.errors import NotStarted
from tests.services.ports import free_port, is_free
from tests.services.processes import Process
from tests.services.proxy import Proxy
from tests.services.record import Record

_POLL_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 30


class Service(ABC):
    """Started, stopped and killed as often as wanted: its ports and its data stay.

    ``folder`` holds its data, its log and ``service.json``; when a service runs there already, started by whatever
    process, this object is that one. ``options`` are settings in the service's own words; they count from the next
    start on, and win over ours.
    """

    name: ClassVar[str]
    port_names: ClassVar[Sequence[str]] = ("port",)
    start_seconds: ClassVar[float] = 120
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path, options: Mapping[str, str] | None = None) -> None:
        self.folder = folder.absolute()
        self.options = dict(options or {})
        self._record = Record.read(self._record_path)
        self._child: subprocess.Popen[bytes] | None = None

    @classmethod
    @abstractmethod
    def missing_packages(cls) -> list[str]:
        """Debian's packages that it needs and whose programs aren't here."""

    @classmethod
    @abstractmethod
    def install(cls) -> None:
        """Fetch what needs no root; nothing when it is there. Raises ``Unavailable``."""

    @classmethod
    @abstractmethod
    def check(cls) -> None:
        """Raises ``Unavailable`` when something is missing; fetches nothing."""

    @property
    @abstractmethod
    def url(self) -> str:
        """What a client of it is given."""

    @abstractmethod
    def _version(self) -> str: ...

    @abstractmethod
    def _prepare(self) -> None:
        """Write its configuration, and make its data where there is none."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it serves now; may raise ``OSError``."""

    @property
    def known(self) -> bool:
        """Whether it was ever started, so that it has a port."""
        return bool(self._record.ports)

    @property
    def port(self) -> int:
        """Where clients connect; chosen at the first start."""
        return self._record.ports["port"]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def version(self) -> str:
        return self._record.version

    @property
    def process(self) -> Process | None:
        """The process that serves, when it runs (or is paused)."""
        return self._record.process

    @property
    def running(self) -> bool:
        return self.process is not None

    @property
    def data(self) -> Path:
        """Where all its data goes and nothing else: a test may mount a small file system there."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def start(self) -> None:
        """Return when it answers; what runs goes on, what is paused is resumed, what crashed starts on its data.

        Raises ``Unavailable`` or ``NotStarted``.
        """
        machine.make_folder(self.data)
        machine.check_reachable(self.folder)
        with machine.locked(self.folder / "lock"):
            self._record = Record.read(self._record_path)
            if self.running:
                self.resume()
            else:
                self._start()
            self._wait_until_it_answers()

    def stop(self) -> None:
        """Ask it to end, kill it when it doesn't within 30 seconds; nothing when it doesn't run."""
        if process := self.process:
            process.send(self.stop_signal)
            process.send_all(signal.SIGCONT)
            if not process.wait(_STOP_SECONDS):
                self.kill()
        self._forget()

    def kill(self) -> None:
        """SIGKILL, to it and its children at once; return when they are gone."""
        if process := self.process:
            process.kill_all(_STOP_SECONDS)
        self._forget()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, new ones are accepted by the kernel, and nothing is answered."""
        if process := self.process:
            process.send_all(signal.SIGSTOP)

    def resume(self) -> None:
        if process := self.process:
            process.send_all(signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start on the same ports and data."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Kill it and remove its folder with all data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def proxy(self) -> Proxy:
        """A way to it that can be slow, cut or silent; started, to be closed by the caller."""
        return Proxy(self.port)

    def last_words(self) -> str:
        """The end of its log."""
        try:
            return self.log.read_text("utf-8", "replace")[-1_500:].strip()
        except FileNotFoundError:
            return "(nothing)"

    def is_serving(self) -> bool:
        """Whether it answers right now."""
        try:
            return self.running and self._answers()
        except OSError:
            return False

    @property
    def _record_path(self) -> Path:
        return self.folder / "service.json"

    def _start(self) -> None:
        self.check()
        self._take_ports()
        self._record.version = self._version()
        machine.hand_over(self.folder)
        self._prepare()
        machine.hand_over(self.folder)
        process = self._launch()
        self._record.remember(process)
        self._record.write(self._record_path)

    def _take_ports(self) -> None:
        for name in self.port_names:
            port = self._record.ports.setdefault(name, free_port())
            if not is_free(port):
                raise NotStarted(f"{self.name}: its port {port} is taken by another process; start it with --fresh")

    def _launch(self) -> Process:
        """Start what serves, in a session of its own so that it outlives us and no Ctrl+C reaches it."""
        user = machine.service_user()
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd=self.folder,
                umask=0o022,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        self._child = child
        process = Process.of(child.pid)
        if process is None:
            raise NotStarted(f"{self.name} ended at once: {self.last_words()}")
        return process

    def _environment(self) -> dict[str, str]:
        """Little: the caller's may hold settings and secrets."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(self.folder)}

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not self.is_serving():
            if not self.running:
                self._forget()
                raise NotStarted(f"{self.name} ended before it answered: {self.last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise NotStarted(f"{self.name} didn't answer within {self.start_seconds:g} s: {self.last_words()}")
            time.sleep(_POLL_SECONDS)

    def _forget(self) -> None:
        self._record.remember(None)
        if self._record_path.exists():
            self._record.write(self._record_path)
        if self._child:
            self._child.wait()
            self._child = None
