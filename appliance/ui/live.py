"""Live figures: each snapshot is wrapped once and written to every open page over a web socket.

No session takes part: the page's own component hands the figures to tiles and charts (``browser/socket.js``).
A message is JSON text, ``{"type": "snapshot", "sent_at": …, "snapshot": {…}}`` or ``{"type": "heartbeat", "sent_at":
…}``; the page reads from ``sent_at`` how far its own clock is off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from appliance.clock import SECOND_US, Clock, iso
from appliance.ui.feed import Feed, Snapshot
from appliance.ui.visits import REASON, SIGNED_OUT, Visits

HEARTBEAT_SECONDS = 5
PING_SECONDS = 20
# A page that opens after a pause would flash figures of the day before: it waits this long for newer ones.
FRESH_SECONDS = 5
PATIENCE_SECONDS = 2


class Pump:
    """Carries snapshots from the feed's thread to the open connections. Its methods run on the loop.

    It is subscribed to the feed only while a page is open, so that nothing is computed for nobody.
    """

    def __init__(self, feed: Feed, loop: IOLoop, clock: Clock) -> None:
        self._feed = feed
        self._loop = loop
        self._clock = clock
        self._connections: set[Live] = set()
        self._sent_version: int | None = None
        self._is_due = False
        self._heartbeat = PeriodicCallback(self._beat, HEARTBEAT_SECONDS * 1000)
        self._unsubscribe: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def start(self) -> None:
        self._heartbeat.start()

    async def stop(self, seconds: float) -> None:
        """Take no more snapshots, say goodbye to every page, and give them ``seconds`` to answer."""
        self._rest()
        self._heartbeat.stop()
        for connection in list(self._connections):
            connection.close(1001, "the server is stopping")
        deadline = self._loop.time() + seconds
        while self._connections and self._loop.time() < deadline:
            await asyncio.sleep(0.02)

    def join(self, connection: Live) -> None:
        """Add a page; the first figures it gets are the whole current snapshot."""
        self._connections.add(connection)
        if self._unsubscribe is None:
            self._unsubscribe = self._feed.subscribe(self._wake)
        snapshot = self._feed.latest()
        if snapshot is not None and self._is_fresh(snapshot):
            connection.offer(self._message(snapshot), figures=True)
        else:
            connection.offer(self._heartbeat_message())
            self._loop.call_later(PATIENCE_SECONDS, self._make_do, connection)

    def leave(self, connection: Live) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._rest()

    def _rest(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _is_fresh(self, snapshot: Snapshot) -> bool:
        return self._clock.now_us() - snapshot.as_of_us < FRESH_SECONDS * SECOND_US

    def _make_do(self, connection: Live) -> None:
        """Nothing newer came: old figures, which the page shows with their age, are better than none."""
        snapshot = self._feed.latest()
        if snapshot is not None and connection in self._connections and not connection.has_figures:
            connection.offer(self._message(snapshot), figures=True)

    def _wake(self, _snapshot: Snapshot) -> None:
        """Called by the feed in its own thread. Several snapshots before the loop's turn make one message."""
        if not self._is_due:
            self._is_due = True
            self._loop.add_callback(self._broadcast)

    def _broadcast(self) -> None:
        self._is_due = False
        snapshot = self._feed.latest()
        if snapshot is None or snapshot.version == self._sent_version:
            return
        self._sent_version = snapshot.version
        if self._connections:
            message = self._message(snapshot)
            for connection in list(self._connections):
                connection.offer(message, figures=True)

    def _beat(self) -> None:
        """A page that hears nothing for a while takes the connection for lost."""
        message = self._heartbeat_message()
        for connection in list(self._connections):
            if connection.is_idle:
                connection.offer(message)

    def _message(self, snapshot: Snapshot) -> bytes:
        return b'{"type":"snapshot","sent_at":"%b","snapshot":%b}' % (self._sent_at(), snapshot.encoded)

    def _heartbeat_message(self) -> bytes:
        return b'{"type":"heartbeat","sent_at":"%b"}' % self._sent_at()

    def _sent_at(self) -> bytes:
        return iso(self._clock.now_us()).encode()


class Live(WebSocketHandler):
    """One page's connection. Behind by more than a message, it gets the latest and not those between."""

    def initialize(self, pump: Pump, visits: Visits) -> None:
        self._pump = pump
        self._visits = visits
        self._waiting: bytes | None = None
        self._writer: asyncio.Task[None] | None = None
        self.has_figures = False

    @property
    def is_idle(self) -> bool:
        """Whether everything offered has left."""
        return self._writer is None or self._writer.done()

    @property
    def ping_interval(self) -> float:
        return PING_SECONDS

    @property
    def max_message_size(self) -> int:
        """Pages say nothing here: what one sends is read and dropped, within this many bytes."""
        return 1024

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002  the guard has judged it before routing
        return True

    def open(self, *_args: Any, **_kwargs: Any) -> None:
        self.set_nodelay(True)
        self._pump.join(self)
        self._visits.enter(self, self._sign_out)

    def on_message(self, message: str | bytes) -> None:
        """Nothing is expected from a page."""

    def on_close(self) -> None:
        self._pump.leave(self)
        self._visits.leave(self)

    def offer(self, message: bytes, *, figures: bool = False) -> None:
        """Send ``message`` now, or as soon as the one under way has left; a newer one takes its place until then."""
        self.has_figures |= figures
        self._waiting = message
        if self.is_idle:
            self._writer = asyncio.ensure_future(self._write())

    def _sign_out(self) -> None:
        self._waiting = None
        self._pump.leave(self)
        self.close(SIGNED_OUT, REASON)

    async def _write(self) -> None:
        while self._waiting is not None:
            message, self._waiting = self._waiting, None
            try:
                await self.write_message(message)
            except (WebSocketClosedError, StreamClosedError):
                self._pump.leave(self)
                return
