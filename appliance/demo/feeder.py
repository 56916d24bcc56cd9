"""Feeds the demo's history and its live events through the same door as everyone's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from appliance.clock import Clock
from appliance.demo.history import history
from appliance.demo.live import Live
from appliance.demo.wire import Event
from appliance.errors import LogError
from appliance.ingest.intake import Decoder
from appliance.log.position import Position
from appliance.log.protocol import Batch
from appliance.log.writer import Writer

_logger = structlog.get_logger(__name__)

STEP_SECONDS: Final = 0.5
SOURCE: Final = "demo"


class DemoFeeder:
    """Thirty days of history where the log is empty, then live events until it is stopped."""

    def __init__(
        self, decoder: Decoder, writer: Writer, clock: Clock, *, after_history: Callable[[], object] = lambda: None
    ) -> None:
        self._after_history = after_history
        self._decoder = decoder
        self._writer = writer
        self._clock = clock
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, tail: Position) -> None:
        """Begin in a thread; ``tail`` tells whether the log holds anything yet."""
        self._thread = threading.Thread(target=self._run, args=(tail.seq == 0,), name="demo", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self, with_history: bool) -> None:  # noqa: FBT001 - a thread's only argument
        began_us = self._clock.now_us()
        try:
            if with_history:
                self._tell_history(began_us)
                self._after_history()
            live = Live(began_us)
            while not self._stopping.wait(STEP_SECONDS):
                self._send(live.step(self._clock.now_us()))
        except LogError as fault:
            _logger.warning("the demo stopped", reason=str(fault))

    def _tell_history(self, now_us: int) -> None:
        stored = 0
        for events in history(now_us):
            if self._stopping.is_set():
                return
            stored += self._send(events)
        _logger.info("the demo's history is stored", events=stored)

    def _send(self, events: list[Event]) -> int:
        if not events:
            return 0
        judged = self._decoder.decode(msgspec.json.encode(events), "json", SOURCE)
        for index, rejection in judged.rejected[:1]:
            _logger.warning("a demo event was refused", index=index, code=rejection.code, reason=rejection.message)
        return self._writer.submit(Batch(judged.rows, judged.dead_letters)).result().accepted
