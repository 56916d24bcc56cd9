"""``POST /v1/events``: a small ASGI function, since a framework's routing would cost more than the work.

The answer goes out when the batch is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from appliance.errors import ApplianceError
from appliance.events.batch import IdempotencyIds, Judged
from appliance.ingest.body import ClientGone, Receive, pass_over, read_body
from appliance.ingest.headers import BodyHeaders, read_headers
from appliance.ingest.inflate import inflate
from appliance.ingest.intake import Decoder
from appliance.ingest.limits import ByteBudget, Reservation
from appliance.log.protocol import Batch, Receipt
from appliance.log.space import SpaceWatch
from appliance.log.writer import Writer
from appliance.problems import MEDIA_TYPE, problem, problem_of

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PATH: Final = "/v1/events"
# Larger bodies are decoded beside the event loop, so that small requests don't wait for them.
_INLINE_BYTES: Final = 512 * 1024
# Small enough to be quick whatever they hold. Between the two it matters how many values a body has for its size:
# events have one in some twenty bytes, what was made to keep a decoder busy has one in two.
_QUICK_BYTES: Final = 16 * 1024
_BYTES_PER_VALUE: Final = 10
_SAMPLE_STRIDE: Final = 61  # a prime: short patterns don't hide between the samples

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class IngestCounts:
    """Outcomes since the start, for the metrics page."""

    requests: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class HttpIngest:
    """The ASGI application of ``POST /v1/events``."""

    decoder: Decoder
    writer: Writer
    space: SpaceWatch
    budget: ByteBudget
    counts: IngestCounts = field(default_factory=IngestCounts)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "decode"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.counts.requests += 1
        if scope["method"] != "POST":
            await _answer(send, 405, problem(405, "method_not_allowed", "send events with POST"), {"allow": "POST"})
            return
        unread = False
        try:
            headers = read_headers(scope["headers"])
            with Reservation(self.budget) as reservation:
                unread = True
                self.space.require()
                body = await read_body(receive, headers.length, self.decoder.settings.ingest, reservation)
                unread = False
                judged, receipt = await self._take(body, headers, reservation, scope.get("principal", ""))
        except ClientGone:
            return
        except ApplianceError as error:
            self.counts.refused[error.code] = self.counts.refused.get(error.code, 0) + 1
            if unread:
                await _answer_early(send, receive, error)
            else:
                await _answer(send, *problem_of(error))
            return
        await _answer(send, *self._outcome(judged, receipt))

    async def _take(
        self, body: bytes, headers: BodyHeaders, reservation: Reservation, principal: str
    ) -> tuple[Judged, Receipt]:
        idempotency = IdempotencyIds(principal, headers.idempotency_key) if headers.idempotency_key else None
        size = len(body)
        if headers.encoding is None and _is_quick(body):
            judged = self.decoder.decode(body, headers.framing, "http", idempotency=idempotency)
        else:
            reservation.grow_to(len(body) if headers.encoding is None else 4 * len(body))
            size, judged = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._decode_large, body, headers, idempotency
            )
            reservation.grow_to(size)
        return judged, await self.writer.submit_async(Batch(judged.rows, judged.dead_letters, size))

    def close(self) -> None:
        """Let the decoder's thread end."""
        self._pool.shutdown(wait=False)

    def _decode_large(
        self, body: bytes, headers: BodyHeaders, idempotency: IdempotencyIds | None
    ) -> tuple[int, Judged]:
        if headers.encoding is not None:
            body = inflate(body, headers.encoding, self.decoder.settings.ingest.max_inflated_bytes)
        return len(body), self.decoder.decode(body, headers.framing, "http", idempotency=idempotency)

    def _outcome(self, judged: Judged, receipt: Receipt) -> tuple[int, dict[str, Any], dict[str, str]]:
        rejected = []
        for index, rejection in judged.rejected:
            self.counts.rejected[rejection.code] = self.counts.rejected.get(rejection.code, 0) + 1
            rejected.append(
                {"index": index, "code": rejection.code, "field": rejection.field, "message": rejection.message}
            )
        if not judged.rows:
            first = judged.rejected[0][1]
            detail = f"no event could be accepted; the first: {first.message}"
            return 400, problem(400, first.code, detail, field=first.field, rejected=rejected), {}
        accepted = {"accepted": receipt.accepted, "duplicates": receipt.duplicates, "rejected": rejected}
        return 202, accepted, {}


def _is_quick(body: bytes) -> bool:
    """Whether decoding takes no longer than the event loop may be held."""
    if _QUICK_BYTES < len(body) <= _INLINE_BYTES:
        sample = body[::_SAMPLE_STRIDE]
        values = sample.count(b",") + sample.count(b"{") + sample.count(b"[") + sample.count(b"\n")
        return values * _BYTES_PER_VALUE < len(sample)
    return len(body) <= _QUICK_BYTES


async def _answer_early(send: Send, receive: Receive, error: ApplianceError) -> None:
    """Answer before the body was read, and close the connection when the client has heard it.

    Closed at once, with bytes of the body still coming in, it would be reset, and many clients would
    report a broken pipe instead of the answer.
    """
    status, body, headers = problem_of(error)
    await _answer(send, status, body, {**headers, "connection": "close"}, more_body=True)
    await pass_over(receive)
    await send({"type": "http.response.body", "body": b""})


async def _answer(
    send: Send, status: int, body: dict[str, Any], headers: Mapping[str, str], *, more_body: bool = False
) -> None:
    encoded = _encode(body)
    media_type = MEDIA_TYPE if status >= 400 else "application/json"
    raw = [(b"content-type", media_type.encode()), (b"content-length", str(len(encoded)).encode())]
    raw += [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": encoded, "more_body": more_body})
