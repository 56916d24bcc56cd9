"""How the process ends: a signal asks for it, nothing cuts it short, and nothing keeps it from ending in time."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Final

LIMIT_SECONDS: Final = 13.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

Listener = Callable[[int, FrameType | None], None]


class StopRequest:
    """SIGTERM and Ctrl-C from the moment of ``listen`` to the end of the process.

    The first sets ``is_made``, and none raises anything anywhere. ``LIMIT_SECONDS`` after the first the process ends
    with 0, wherever it is: what was acknowledged is durable, and what wasn't its sender still has.
    """

    def __init__(self) -> None:
        self.is_made = False
        self._listener: Listener | None = None

    def listen(self) -> None:
        """Take the signals over, and let in those that were held back for us. In the main thread."""
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)
        # whoever started the process may have blocked them, so that none comes before anybody listens
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    @staticmethod
    def hold_back() -> None:
        """Let no signal in any more: while the interpreter ends one would end it with another status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def tell(self, listener: Listener) -> None:
        """Call ``listener`` with each signal from now on, and at once where one has come before."""
        self._listener = listener
        if self.is_made:
            listener(signal.SIGTERM, None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.is_made:
            self.is_made = True
            last_resort = threading.Timer(LIMIT_SECONDS, end_process)
            last_resort.daemon = True
            last_resort.start()
        if self._listener is not None:
            self._listener(number, frame)


PROCESS: Final = StopRequest()
"""The request of this process: signals have one listener."""


def stop_together(stops: Sequence[Callable[[], object]], seconds: float) -> None:
    """Run all of ``stops`` at once, each in a thread, and go on when all have ended or after ``seconds``."""
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=stop, name="stop", daemon=True) for stop in stops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def end_process() -> None:
    """End it here and now, with 0, whatever threads are still at work."""
    with suppress(OSError):
        sys.stderr.write("appliance: not everything has ended in time; what was acknowledged is kept\n")
        sys.stderr.flush()
    os._exit(0)
