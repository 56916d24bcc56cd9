"""The API's server: stopped without cutting the log's end short."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn

from appliance.listening.connection import Connection
from appliance.listening.crowd import Crowd
from appliance.listening.last_words import STOPPING
from appliance.stopping import StopRequest


class Server(uvicorn.Server):
    """uvicorn, whose own way with signals would end the process before the log is closed."""

    def __init__(
        self, application: Any, crowd: Crowd, request: StopRequest, on_stop: Callable[[], None], grace_seconds: int
    ) -> None:
        super().__init__(_config(_Enduring(application), crowd, grace_seconds))
        self._crowd = crowd
        self._request = request
        self._on_stop = on_stop
        self._watch: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._watch = asyncio.create_task(
            self._crowd.watch(lambda: cast("set[Connection]", self.server_state.connections))
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        self._request.tell(self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_stop()
        super().handle_exit(sig, frame)


class _Enduring:
    """An application whose requests still get an answer when the server has no more patience with them."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        has_begun = False

        async def watched(message: Any) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._application(scope, receive, watched)
        except asyncio.CancelledError:
            # an answer that has begun can't be replaced, and its client may not even read
            if not has_begun:
                await send({"type": "http.response.start", "status": 503, "headers": STOPPING.headers})
                await send({"type": "http.response.body", "body": STOPPING.body})


def _config(application: Any, crowd: Crowd, grace_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        # uvicorn calls it, with names that the protocol passes on
        http=cast("type[asyncio.Protocol]", partial(Connection, crowd)),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_graceful_shutdown=grace_seconds,
    )
