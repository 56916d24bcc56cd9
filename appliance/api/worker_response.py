"""An answer that long work writes while it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from appliance.api.worker_stream import ReaderTooSlow, WorkerStream
from appliance.errors import LogUnavailable

_logger = structlog.get_logger(__name__)


class WorkerResponse(StreamingResponse):
    """Sends on what a ``WorkerStream`` emits; when the client hangs up, the work ends at its next piece.

    Where the work fails, the connection is cut before the answer's end, so that nobody takes a part for the whole.
    """

    def __init__(
        self, stream: WorkerStream, pieces: AsyncGenerator[bytes, None], headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except (ReaderTooSlow, LogUnavailable) as fault:
            # no fault of the route: to return without an end cuts the connection too
            _logger.warning("an answer was cut off", route=scope["path"], reason=str(fault))
        except asyncio.CancelledError:
            # the server stops and waits no longer; nothing more can be said to a client that takes nothing
            _logger.warning("an answer was cut off", route=scope["path"], reason="the server stops")
        finally:
            self._stream.leave()
