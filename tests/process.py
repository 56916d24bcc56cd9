"""The real appliance as a process of its own, for tests and measurements that need to stop or kill it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.02


class NotReady(Exception):
    """The appliance ended, or wasn't ready in time; the message ends with what it last printed."""


class ApplianceProcess:
    """``appliance serve`` on one data folder, on 127.0.0.1, started and stopped as often as wanted.

    What it prints goes to ``output``. As a context manager it is killed at the end if it still runs.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int,
        ui_port: int,
        output: Path,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        self.data = data
        self.port = port
        self.ui_port = ui_port
        self._output = output
        self._environment = os.environ | dict(environment or {})
        self._arguments = arguments
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if self.running:
            self.kill()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        command = [*self._prefix, sys.executable, "-m", "appliance", "serve", "--data", str(self.data)]
        command += ["--port", str(self.port), "--ui-port", str(self.ui_port), *self._arguments]
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self._environment
            )

    def wait_ready(self, timeout_seconds: float = 60) -> None:
        """Return when ``GET /ready`` is 200; raises ``NotReady``."""
        deadline = time.monotonic() + timeout_seconds
        while not self.is_ready():
            if not self.running:
                raise NotReady(f"the appliance ended before it was ready: {self.last_words()}")
            if time.monotonic() > deadline:
                raise NotReady(f"not ready within {timeout_seconds:g} s: {self.last_words()}")
            time.sleep(_POLL_SECONDS)

    def wait_dashboard(self, timeout_seconds: float = 60) -> None:
        """Return when the dashboard listens, which is a few seconds after the API; raises ``NotReady``."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.ui_port), timeout=5).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise NotReady(f"no dashboard within {timeout_seconds:g} s: {self.last_words()}") from None
            time.sleep(_POLL_SECONDS)

    def is_ready(self) -> bool:
        try:
            return self.get("/ready")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a ``GET`` on the API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as fault:
            raise ConnectionError(str(fault)) from fault
        finally:
            connection.close()

    def stop(self, timeout_seconds: float = 30) -> int:
        """SIGTERM, then its exit status; raises ``subprocess.TimeoutExpired``."""
        self.send(signal.SIGTERM)
        return self.wait(timeout_seconds)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, without waiting for what comes of it."""
        assert self._process is not None, "not started"
        self._process.send_signal(number)

    def wait(self, timeout_seconds: float) -> int:
        """Its exit status; raises ``subprocess.TimeoutExpired``."""
        assert self._process is not None, "not started"
        return self._process.wait(timeout_seconds)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        assert self._process is not None, "not started"
        self._process.kill()
        self._process.wait()

    def last_words(self) -> str:
        """The end of what it printed."""
        return self.printed()[-2_000:].strip()

    def printed(self) -> str:
        """All that it printed."""
        return self._output.read_text(errors="replace")


def run_command(*arguments: str, timeout_seconds: float = 600) -> subprocess.CompletedProcess[str]:
    """``appliance ARGUMENTS``, with what it printed."""
    command = [sys.executable, "-m", "appliance", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)


def free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on, the kernel's choice: tests may run beside each other."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
