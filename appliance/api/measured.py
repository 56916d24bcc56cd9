"""Around every route of the framework: its requests are counted, and what fails is told with the request's id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from structlog.contextvars import bound_contextvars

from appliance.problems import MEDIA_TYPE, problem
from appliance.traffic import Traffic

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_logger = structlog.get_logger(__name__)

NO_ROUTE: Final = "(none)"


@dataclass(slots=True)
class _Answer:
    """How far the answer to a request has come."""

    send: Send
    monotonic: Callable[[], float]
    status: int = 0
    began_at: float = 0.0
    complete: bool = False

    async def watch(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.began_at = message["status"], self.monotonic()
        elif message["type"] == "http.response.body":
            self.complete = not message.get("more_body", False)
        await self.send(message)


@dataclass(frozen=True, slots=True)
class Measured:
    """Passes requests on to ``routes``. What a request takes is the time until its answer begins: streams go on."""

    routes: Callable[[Scope, Receive, Send], Awaitable[None]]
    traffic: Traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.routes(scope, receive, send)
            return
        answer = _Answer(send, self.traffic.monotonic)
        began = self.traffic.monotonic()
        with bound_contextvars(request_id=scope["request_id"]):
            try:
                await self.routes(scope, receive, answer.watch)
            except Exception:
                _logger.exception("a route failed", method=scope["method"], route=route_of(scope))
                await _make_up_for_it(answer)
        if answer.status:
            seconds = answer.began_at - began
            self.traffic.answered(route_of(scope), scope["method"], answer.status, seconds, scope["request_id"])


async def _make_up_for_it(answer: _Answer) -> None:
    """Answer 500 where nothing was said yet. An answer that has begun is cut: the server sees that its end is missing.

    Raised on, the exception would be logged once more, without the request's id.
    """
    if answer.status:
        return
    body = msgspec.json.encode(problem(500, "internal", "the appliance failed; its log says how"))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await answer.watch({"type": "http.response.start", "status": 500, "headers": headers})
    await answer.watch({"type": "http.response.body", "body": body})


def route_of(scope: Scope) -> str:
    """The template of the route that took a request, a mount's path for what lies below it."""
    path = getattr(scope.get("route"), "path", None)
    return path or scope.get("root_path") or NO_ROUTE
