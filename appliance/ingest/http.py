"""``POST /v1/events``: a small ASGI function, since a framework's routing would cost more than the work.

The answer goes out when the batch is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec
import structlog

from appliance.errors import ApplianceError, LogUnavailable
from appliance.events.batch import IdempotencyIds, Judged
from appliance.ingest.body import ClientGone, Receive, pass_over, read_body
from appliance.ingest.headers import BodyHeaders, read_headers
from appliance.ingest.intake import Decoder
from appliance.ingest.lanes import Lanes, is_quick
from appliance.ingest.limits import ByteBudget, Reservation
from appliance.log.protocol import Batch, Receipt
from appliance.log.space import SpaceWatch
from appliance.log.writer import Writer
from appliance.problems import MEDIA_TYPE, problem, problem_of
from appliance.traffic import Traffic

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PATH: Final = "/v1/events"

_encode = msgspec.json.Encoder().encode
_logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class IngestCounts:
    """Outcomes since the start, for the metrics page."""

    rejected: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class HttpIngest:
    """The ASGI application of ``POST /v1/events``."""

    decoder: Decoder
    writer: Writer
    space: SpaceWatch
    budget: ByteBudget
    traffic: Traffic
    counts: IngestCounts = field(default_factory=IngestCounts)
    lanes: Lanes = field(default_factory=Lanes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self.traffic.monotonic()
        try:
            status = await self._respond(scope, receive, send)
        except ClientGone:
            return
        except Exception:
            _logger.exception("taking events failed", request_id=scope["request_id"])
            status = await _answer(send, 500, problem(500, "internal", "the appliance failed; its log says how"), {})
        seconds = self.traffic.monotonic() - began
        self.traffic.answered(PATH, scope["method"], status, seconds, scope["request_id"])

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> int:
        if scope["method"] != "POST":
            refusal = problem(405, "method_not_allowed", "send events with POST")
            return await _answer(send, 405, refusal, {"allow": "POST"})
        unread = False
        try:
            headers = read_headers(scope["headers"])
            with Reservation(self.budget) as reservation:
                unread = True
                self.space.require()
                body = await read_body(receive, headers.length, self.decoder.settings.ingest, reservation)
                unread = False
                judged, receipt = await self._take(body, headers, reservation, scope["principal"].id)
        except ApplianceError as error:
            self.counts.refused[error.code] = self.counts.refused.get(error.code, 0) + 1
            if unread:
                return await _answer_early(send, receive, error)
            return await _answer(send, *problem_of(error))
        return await _answer(send, *self._outcome(judged, receipt))

    async def _take(
        self, body: bytes, headers: BodyHeaders, reservation: Reservation, principal: str
    ) -> tuple[Judged, Receipt]:
        idempotency = IdempotencyIds(principal, headers.idempotency_key) if headers.idempotency_key else None
        if headers.encoding is not None:
            reservation.grow_to(4 * len(body))
            body = await self.lanes.inflate(body, headers.encoding, self.decoder.settings.ingest.max_inflated_bytes)
            reservation.grow_to(len(body))
        if headers.encoding is None and is_quick(body):
            judged = self.decoder.decode(body, headers.framing, "http", idempotency=idempotency)
        else:
            job = partial(self.decoder.decode, framing=headers.framing, source="http", idempotency=idempotency)
            judged = await self.lanes.decode(body, job)
        size = len(body)
        try:
            return judged, await self.writer.submit_async(Batch(judged.rows, judged.dead_letters, size))
        except asyncio.CancelledError:
            # the server stops and has no more patience with the disk; whether they were stored stays open
            raise LogUnavailable("the appliance is stopping: send the events again, with their ids") from None

    def close(self) -> None:
        """Let the decoders' threads end."""
        self.lanes.close()

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


async def _answer_early(send: Send, receive: Receive, error: ApplianceError) -> int:
    """Answer before the body was read, and close the connection when the client has heard it.

    Closed at once, with bytes of the body still coming in, it would be reset, and many clients would
    report a broken pipe instead of the answer.
    """
    status, body, headers = problem_of(error)
    await _answer(send, status, body, {**headers, "connection": "close"}, more_body=True)
    await pass_over(receive)
    await send({"type": "http.response.body", "body": b""})
    return status


async def _answer(
    send: Send, status: int, body: dict[str, Any], headers: Mapping[str, str], *, more_body: bool = False
) -> int:
    encoded = _encode(body)
    media_type = MEDIA_TYPE if status >= 400 else "application/json"
    raw = [(b"content-type", media_type.encode()), (b"content-length", str(len(encoded)).encode())]
    raw += [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": encoded, "more_body": more_body})
    return status
