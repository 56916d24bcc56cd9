"""``GET /v1/stream`` on the dashboard's port: the API's server-sent events, for pages that have a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from appliance.errors import ApplianceError
from appliance.ui.visits import Visits

Messages = Callable[[], AsyncGenerator[bytes, None]]
"""Makes the messages for one listener, encoded; the generator runs in the dashboard's loop."""

_GOODBYE_SECONDS: Final = 1.0


class Stream(RequestHandler):
    """Sends message after message, the next one when the last has left: who reads slowly misses some.

    It ends with the session, with the server, and with the listener.
    """

    def initialize(self, messages: Messages, visits: Visits) -> None:
        self._messages = messages
        self._visits = visits
        self._sending: asyncio.Task[None] | None = None

    async def get(self) -> None:
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")
        sending = self._sending = asyncio.ensure_future(self._send())
        self._visits.enter(self, sending.cancel)
        try:
            await asyncio.wait({sending})
        finally:
            sending.cancel()
            self._visits.leave(self)
        if not sending.cancelled():
            sending.result()
        await self._hang_up()

    def on_connection_close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()

    async def _send(self) -> None:
        try:
            async with aclosing(self._messages()) as messages:
                async for message in messages:
                    self.write(message)
                    await self.flush()
        except (ApplianceError, StreamClosedError):
            """The listener has left, or comes again in a moment."""

    async def _hang_up(self) -> None:
        """A last chunk for who reads; who does not is cut off."""
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self.finish()
        except TimeoutError:
            cast("HTTP1Connection", self.request.connection).close()
        except StreamClosedError:
            pass
