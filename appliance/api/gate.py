"""The outermost ASGI function: who may pass, and what goes past the framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from appliance.access.guard import Guard
from appliance.ingest.http import PATH, HttpIngest
from appliance.problems import MEDIA_TYPE, problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HARDENING: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges each request by its headers; sends ``POST /v1/events`` straight to ingest."""

    guard: Guard
    ingest: HttpIngest
    rest: Callable[[Scope, Receive, Send], Awaitable[None]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.rest(scope, receive, send)
            return
        reason = self._refusal(scope)
        if reason is not None:
            await _refuse(scope, send, reason)
        elif scope["type"] == "http" and scope["path"] == PATH:
            await self.ingest(scope, receive, send)
        else:
            await self.rest(scope, receive, _hardened(send))

    def _refusal(self, scope: Scope) -> str | None:
        host = ""
        origins: list[str] = []
        forwarded = False
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1")
            elif name == b"origin":
                origins.append(value.decode("latin-1"))
            elif name == b"forwarded" or name.startswith(b"x-forwarded-"):
                forwarded = True
        if not origins and not forwarded:
            return self.guard.plain_refusal(host)
        peer = scope["client"][0] if scope.get("client") else ""
        return self.guard.refusal(host, origins, forwarded=forwarded, peer=peer)


def _hardened(send: Send) -> Send:
    async def with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HARDENING]}
        await send(message)

    return with_headers


async def _refuse(scope: Scope, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = msgspec.json.encode(problem(403, "forbidden", reason))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
