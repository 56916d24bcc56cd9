"""The dashboard as the rest of the process sees it: start, stop, count of viewers."""

from __future__ import annotations

import importlib
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING

from appliance.access.sign_in import SignIn
from appliance.clock import Clock, SystemClock
from appliance.errors import ApplianceError
from appliance.ui.feed import Feed

if TYPE_CHECKING:
    from appliance.ui.listener import Listener


class DashboardFailed(ApplianceError):
    """The dashboard could not start. The message says why; ingest and the API go on without it."""

    code = "dashboard_failed"


class Dashboard:
    """Serves the pages, ``/live`` and ``/health`` on a listener, event loop and thread of its own.

    ``api_url`` is the API's address as a person would type it, ``http://127.0.0.1:8080``. Without ``sign_in`` the
    dashboard is open, and nobody signs in. ``stream`` makes the messages of ``/v1/stream`` for one listener.
    ``trusted_proxies`` are networks (``10.0.0.0/8``).
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        feed: Feed,
        api_url: str,
        sign_in: SignIn | None = None,
        stream: Callable[[], AsyncGenerator[bytes, None]] | None = None,
        trusted_proxies: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.feed = feed
        self.api_url = api_url.rstrip("/")
        self.sign_in = sign_in
        self.stream = stream
        self.trusted_proxies = tuple(trusted_proxies)
        self.clock: Clock = clock or SystemClock()
        self._thread: threading.Thread | None = None
        self._listener: Listener | None = None
        self._answers = threading.Event()
        self._is_stopping = threading.Event()
        self._failure: BaseException | None = None

    def start(self, timeout: float = 60.0) -> None:
        """Load Panel, open the listener, and return when it answers (1–4 s). Call it after the API listens.

        Raises ``DashboardFailed`` when the port is taken, or after ``timeout`` seconds.
        """
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)
        self._thread.start()
        if not self._answers.wait(timeout):
            raise DashboardFailed(f"The dashboard did not start within {timeout:g} s.")
        if self._failure is not None:
            raise DashboardFailed(f"The dashboard could not start: {self._failure}") from self._failure

    def stop(self, timeout: float = 3.0) -> bool:
        """Close every page and the listener within ``timeout`` seconds; whether all was closed in time.

        Never raises, and may be called more than once. What did not close ends with the process.
        """
        self._is_stopping.set()
        if self._listener is not None:
            self._listener.stop()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    @property
    def open_mode(self) -> bool:
        """Whether nobody signs in."""
        return self.sign_in is None

    def viewers(self) -> int:
        """How many pages are open now. Any thread may ask."""
        return 0 if self._listener is None else self._listener.viewers()

    def _run(self) -> None:
        try:
            # A taken port is told at once, and not after Panel and Bokeh have loaded, which takes seconds.
            socket.create_server((self.host, self.port), family=_family(self.host)).close()
            listener: Listener = importlib.import_module("appliance.ui.listener").Listener(self)
        except Exception as failure:  # noqa: BLE001  handed to the thread that called start()
            self._failure = failure
            self._answers.set()
            return
        self.port = listener.port
        self._listener = listener
        if self._is_stopping.is_set():
            listener.stop()
        listener.run(self._answers.set)
        self._listener = None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
