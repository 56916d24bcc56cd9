"""``appliance import`` beside a running server: chunks of lines, each answered when it is durable."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from appliance.api.answers import json_answer
from appliance.api.parts import Parts, WithParts
from appliance.errors import BadArgument, BodyError
from appliance.ingest.chunks import MAX_CHUNK_BYTES, Chunk, Taken
from appliance.ingest.importer import Importer
from appliance.ingest.limits import Reservation

router = APIRouter()


@router.post("/import")
async def take_chunk(request: Request, parts: WithParts) -> Response:
    """Store the chunk (MessagePack) as ``Importer.take`` does."""
    with Reservation(parts.ingest.budget) as reservation:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_CHUNK_BYTES:
                raise BodyError("too_large", f"send at most {MAX_CHUNK_BYTES:,} bytes a chunk", status=413)
            reservation.grow_to(len(body))
        return json_answer(await run_in_threadpool(_take, parts, bytes(body)))


def _take(parts: Parts, body: bytes) -> Taken:
    try:
        chunk = msgspec.msgpack.decode(body, type=Chunk)
    except msgspec.MsgspecError as fault:
        raise BadArgument("the body is not a chunk: this command line belongs to another version") from fault
    return Importer(parts.ingest.decoder, parts.log, parts.writer).take(chunk)
