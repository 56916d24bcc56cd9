"""The outermost ASGI function: who may pass, and what goes past the framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from appliance.access.door import Door, Shown
from appliance.access.guard import Guard
from appliance.api.request_ids import RequestIds
from appliance.errors import RequestError
from appliance.ingest.http import PATH, HttpIngest
from appliance.problems import MEDIA_TYPE, problem, problem_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]

_HARDENING: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges each request by its headers; sends ``POST /v1/events`` straight to ingest.

    What follows finds the caller in ``scope["principal"]`` (``None``: a stranger, where anyone may ask) and the
    request's id in ``scope["request_id"]``.
    """

    guard: Guard
    door: Door
    ingest: HttpIngest
    rest: Callable[[Scope, Receive, Send], Awaitable[None]]
    request_ids: RequestIds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.rest(scope, receive, send)
            return
        head = _read_head(scope["headers"])
        request_id = self.request_ids.of(head.request_id)
        scope["request_id"] = request_id
        send = _with_headers(send, [(b"x-request-id", request_id.encode()), *_HARDENING])
        reason = self._refusal(scope, head)
        if reason is not None:
            self.door.counts.refused["foreign"] += 1
            await _refuse(scope, send, 403, problem(403, "forbidden", reason))
            return
        try:
            scope["principal"] = self.door.admit(scope.get("method", "GET"), scope["path"], _shown(scope, head))
        except RequestError as refusal:
            await _refuse(scope, send, *problem_of(refusal))
            return
        if scope["type"] == "http" and scope["path"] == PATH:
            await self.ingest(scope, receive, send)
        else:
            await self.rest(scope, receive, send)

    def _refusal(self, scope: Scope, head: _Head) -> str | None:
        if not head.origins and not head.forwarded:
            return self.guard.plain_refusal(head.host)
        return self.guard.refusal(
            head.host,
            head.origins,
            forwarded=head.forwarded,
            peer=_peer(scope),
            forwarded_host=head.forwarded_host,
        )


@dataclass(slots=True)
class _Head:
    """The headers that decide who may pass."""

    host: str = ""
    origins: tuple[str, ...] = ()
    forwarded: bool = False
    forwarded_for: str = ""
    forwarded_host: str = ""
    authorization: str = ""
    cookie: str = ""
    request_id: bytes = b""


def _read_head(headers: Iterable[tuple[bytes, bytes]]) -> _Head:
    head = _Head()
    for name, value in headers:
        if name == b"host":
            head.host = value.decode("latin-1")
        elif name == b"authorization":
            text = value.decode("latin-1")
            # two of them make none: a proxy may have judged the other
            head.authorization = f"{head.authorization}, {text}" if head.authorization else text
        elif name == b"origin":
            head.origins = (*head.origins, value.decode("latin-1"))
        elif name == b"cookie":
            head.cookie = f"{head.cookie}; {value.decode('latin-1')}" if head.cookie else value.decode("latin-1")
        elif name == b"x-request-id":
            head.request_id = value
        elif name == b"forwarded" or name.startswith(b"x-forwarded-"):
            head.forwarded = True
            if name == b"x-forwarded-for":
                head.forwarded_for = f"{head.forwarded_for},{value.decode('latin-1')}"
            elif name == b"x-forwarded-host":
                head.forwarded_host = f"{head.forwarded_host},{value.decode('latin-1')}"
    return head


def _shown(scope: Scope, head: _Head) -> Shown:
    return Shown(_peer(scope), head.authorization, head.cookie, head.forwarded_for)


def _peer(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _with_headers(send: Send, extra: RawHeaders) -> Send:
    async def with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await send(message)

    return with_headers


async def _refuse(scope: Scope, send: Send, status: int, body: MutableMapping[str, Any], headers: Any = None) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    encoded = msgspec.json.encode(body)
    raw = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(encoded)).encode())]
    raw += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": encoded})
