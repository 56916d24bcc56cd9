"""A request's body, read within bounds of size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeVar

from appliance.config.core import IngestSettings
from appliance.errors import BodyError
from appliance.ingest.limits import Reservation

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
# How long and how far a refused body is let in, so that its sender gets to the answer.
LINGER_SECONDS: Final = 5
LINGER_BYTES: Final = 64 * 1024 * 1024

Bytes = TypeVar("Bytes", bytes, bytearray)


class ClientGone(Exception):
    """The client hung up before its body was whole: there is nobody to answer."""


async def read_body(receive: Receive, declared: int | None, limits: IngestSettings, reservation: Reservation) -> bytes:
    """The whole body. ``declared`` is its Content-Length, where one was sent.

    Raises ``BodyError`` (413 ``too_large``, 408 ``body_timeout``), ``Overloaded`` or ``ClientGone``.
    """
    if declared is not None and declared > limits.max_wire_bytes:
        raise _too_large(limits)
    reservation.grow_to(declared or 0)
    try:
        async with asyncio.timeout(limits.body_timeout_seconds):
            message = await receive()
        body = _piece(message)
        if not message.get("more_body"):
            return _bounded(body, limits)
        async with asyncio.timeout(limits.body_total_seconds):
            return await _read_rest(receive, body, limits, reservation)
    except TimeoutError as fault:
        raise BodyError("body_timeout", "the body came too slowly: send it again", status=408) from fault


async def pass_over(receive: Receive) -> None:
    """Let the rest of a body that nobody wants come in and forget it, within bounds."""
    passed = 0
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while passed < LINGER_BYTES:
                message = await receive()
                passed += len(_piece(message))
                if not message.get("more_body"):
                    return
    except (TimeoutError, ClientGone):
        return


async def _read_rest(receive: Receive, first: bytes, limits: IngestSettings, reservation: Reservation) -> bytes:
    pieces = bytearray(first)
    while True:
        reservation.grow_to(len(_bounded(pieces, limits)))
        async with asyncio.timeout(limits.body_timeout_seconds):
            message = await receive()
        pieces += _piece(message)
        if not message.get("more_body"):
            return bytes(_bounded(pieces, limits))


def _piece(message: Message) -> bytes:
    if message["type"] != "http.request":
        raise ClientGone
    body: bytes = message.get("body") or b""
    return body


def _bounded(body: Bytes, limits: IngestSettings) -> Bytes:
    if len(body) > limits.max_wire_bytes:
        raise _too_large(limits)
    return body


def _too_large(limits: IngestSettings) -> BodyError:
    return BodyError("too_large", f"send at most {limits.max_wire_bytes:,} bytes a request", status=413)
