"""A line in the log for every request, where ``server.access_log`` asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from appliance.api.measured import Message, Receive, Scope, Send, route_of
from appliance.ingest.http import PATH

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Outermost, so that it sees what the gate turns away too.

    A line names the route and not the address that was asked for, which may hold a person's id.
    """

    application: Callable[[Scope, Receive, Send], Awaitable[None]]
    monotonic: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self.monotonic()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.application(scope, receive, watch)
        finally:
            if scope["type"] == "http":
                _tell(scope, status, self.monotonic() - began)


def _tell(scope: Scope, status: int, seconds: float) -> None:
    principal = scope.get("principal")
    _logger.info(
        "request",
        request_id=scope.get("request_id"),
        method=scope["method"],
        route=PATH if scope["path"] == PATH else route_of(scope),
        status=status,
        seconds=round(seconds, 4),
        caller=principal.label if principal is not None else None,
        address=scope["client"][0] if scope.get("client") else None,
    )
