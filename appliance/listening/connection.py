"""One connection of the API: uvicorn's, with bounds on headers, time and number, and nothing that makes it trip."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from appliance.listening.crowd import LINGER_SECONDS, Crowd
from appliance.listening.last_words import (
    CROWDED,
    NOT_HTTP,
    NOT_UPGRADED,
    SLOW_HEADERS,
    LastWords,
    headers_too_large,
    target_too_long,
)

# What is parsed at once: a larger piece could hold thousands of pipelined requests, each with a task of its own.
_PIECE_BYTES: Final = 16 * 1024
_BODY_FIELDS: Final = frozenset({b"content-length", b"transfer-encoding"})


class _Flow(FlowControl):
    """uvicorn's flow control, except that nothing is read while ``is_held``."""

    is_held = False

    def hold(self) -> None:
        self.is_held = True
        self.pause_reading()

    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()


class _TurnedAway(Exception):
    """Raised inside of the parser to stop it; says what the client is told."""

    def __init__(self, words: LastWords) -> None:
        super().__init__(words.code)
        self.words = words


class Connection(HttpToolsProtocol):
    """uvicorn's protocol in a ``Crowd``.

    A request costs a few attributes more here, and one timer less: time-outs are the crowd's. ``_since`` is when the
    present wait began: for the first byte, for the end of the headers, for the next request, or for the client to
    close. What a client sends ahead of its answers waits in ``_ahead``, and what more it sends in the kernel.
    """

    flow: _Flow

    def __init__(self, crowd: Crowd, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._crowd = crowd
        self._since = crowd.now
        self._in_head = True
        self._head_bytes = 0
        self._is_used = False
        self._ahead = b""
        self._last_words: LastWords | None = None
        self._is_counted = False
        self._is_half_closed = False
        self._active: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport)
        if self._crowd.is_full():
            self._crowd.refused[CROWDED.code] += 1
            self._last_words = CROWDED
            transport.write(CROWDED.sent)
            transport.close()
            return
        self._crowd.open_connections += 1
        self._is_counted = True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_counted:
            self._crowd.open_connections -= 1
            self._is_counted = False
        self._ahead = b""
        self.pipeline.clear()
        if self._active is not None:
            self._active.disconnected = not self._active.response_complete
            self._active.message_event.set()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a half-closed connection until what was asked is answered: some clients end a request like that."""
        if self._last_words is not None or not self._owes_an_answer():
            return False
        self._is_half_closed = True
        return True

    def data_received(self, data: bytes) -> None:
        if self._last_words is not None:
            return
        if self.flow.is_held or self.pipeline:
            self._wait_ahead(data)
        elif len(data) <= _PIECE_BYTES:
            self._take(data)
        else:
            self._take_in_pieces(data)

    def _take(self, data: bytes | memoryview) -> None:
        if self._in_head:
            if not self._head_bytes:
                self._since = self._crowd.now
            self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # to be answered as if no other protocol had been offered; what follows is a request like any other
            rest = bytes(data[upgrade.args[0] :])
            if rest:
                self._take(rest)
            return
        except httptools.HttpParserError as fault:
            cause = fault.__context__
            self._turn_away(cause.words if isinstance(cause, _TurnedAway) else NOT_HTTP)
            return
        if self._in_head and self._head_bytes > self._crowd.limits.max_header_bytes:
            self._turn_away(self._too_large())

    def _take_in_pieces(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(data), _PIECE_BYTES):
            self._take(view[start : start + _PIECE_BYTES])
            if self._last_words is not None or self.transport.is_closing():
                return
            if self.pipeline:
                self._wait_ahead(bytes(view[start + _PIECE_BYTES :]))
                return

    def _wait_ahead(self, data: bytes) -> None:
        self._ahead += data
        self.flow.hold()

    def on_headers_complete(self) -> None:
        limits = self._crowd.limits
        if len(self.url) > limits.max_target_bytes:
            raise _TurnedAway(target_too_long(limits.max_target_bytes))
        if len(self.headers) > limits.max_headers or (
            self._head_bytes > limits.max_header_bytes and self._exact_head_bytes() > limits.max_header_bytes
        ):
            raise _TurnedAway(self._too_large())
        if self.parser.should_upgrade() and any(name in _BODY_FIELDS for name, _ in self.headers):
            # the parser would take the body for the next request
            raise _TurnedAway(NOT_UPGRADED)
        super().on_headers_complete()
        self._in_head = False
        self._is_used = True

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._since = self._crowd.now
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._last_words is not None:
            self._say(self._last_words)
            return
        elif self._is_half_closed and not self.flow.is_held:
            self.transport.close()
            return
        if not self.pipeline:
            # soon, and not from within the task that has just answered
            if self.flow.is_held:
                self.loop.call_soon(self._go_on)
            else:
                self.flow.resume_reading()

    def look(self, now: float) -> None:
        """End the connection where it is out of time; called by the crowd."""
        limits, waited = self._crowd.limits, now - self._since
        if self.transport.is_closing():
            if waited > limits.idle_timeout_seconds:  # whoever is at the other end takes nothing any more
                self.transport.abort()
        elif self._is_answering():
            return
        elif self._last_words is not None or not self._in_head:
            if waited > LINGER_SECONDS:
                self.transport.abort()
        elif self._head_bytes:
            if waited > limits.header_timeout_seconds:
                self._turn_away(SLOW_HEADERS)
        elif waited > (limits.idle_timeout_seconds if self._is_used else limits.header_timeout_seconds):
            self.transport.close()

    def _is_answering(self) -> bool:
        active = self._active
        return active is not None and not (active.response_complete or active.disconnected)

    def _owes_an_answer(self) -> bool:
        """Whether a whole request waits for the beginning of its answer."""
        if self.flow.is_held or self.pipeline:
            return True
        return self._in_head and self._is_answering() and not self.cycle.response_started

    def _go_on(self) -> None:
        """Read what the client had sent ahead."""
        data, self._ahead = self._ahead, b""
        if self.transport.is_closing():
            return
        self.flow.is_held = False
        self.flow.resume_reading()
        self.data_received(data)
        if self._is_half_closed and not self._is_answering():
            self.transport.close()

    def _exact_head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_large(self) -> LastWords:
        limits = self._crowd.limits
        return headers_too_large(limits.max_header_bytes, limits.max_headers)

    def _turn_away(self, words: LastWords) -> None:
        """Answer what can't be taken, after the answers that are owed already, and close."""
        self._crowd.refused[words.code] += 1
        self._last_words = words
        if not self._in_head:
            self._give_up_body(words)
        elif not self._is_answering():
            self._say(words)

    def _give_up_body(self, words: LastWords) -> None:
        """End the request whose body went wrong: the newest, which may be at work or wait for its turn."""
        if self.pipeline:
            self.pipeline.popleft()
            return
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._say(words)

    def _say(self, words: LastWords) -> None:
        """Answer, and wait a moment for the client to close: what it still sends would reset the connection."""
        self._since = self._crowd.now
        self.flow.is_held = False
        self.flow.resume_reading()
        self.transport.write(words.sent)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
