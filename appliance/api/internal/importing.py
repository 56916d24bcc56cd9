"""``appliance import`` beside a running server: chunks of lines, each answered when it is durable."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from appliance.access.principal import Principal
from appliance.api.answers import json_answer
from appliance.api.bodies import read_json
from appliance.api.parts import Parts, WithParts, WithPrincipal
from appliance.errors import BadArgument, BodyError
from appliance.ingest.chunks import MAX_CHUNK_BYTES, Chunk, Taken
from appliance.ingest.importer import Importer
from appliance.ingest.limits import Reservation
from appliance.ingest.receiver import Receiver
from appliance.store.import_notes import ImportNotes

router = APIRouter(prefix="/import")


class Beginning(msgspec.Struct, frozen=True):
    """A file that is about to come; ``source`` as in ``Receiver``, ``origin`` as its owner calls it."""

    source: str
    origin: str
    from_start: bool = False


class End(msgspec.Struct, frozen=True):
    """A file of which everything has come."""

    source: str


@router.post("/begin")
async def begin(request: Request, parts: WithParts, principal: WithPrincipal) -> Response:
    """``after``: the line after which to go on. What is written to the audit log is this, once a file."""
    beginning = await read_json(request, Beginning)
    return json_answer({"after": await run_in_threadpool(_begin, parts, principal, beginning)})


@router.post("")
async def take_chunk(request: Request, parts: WithParts) -> Response:
    """Store the chunk (MessagePack) as ``Receiver.take`` does."""
    with Reservation(parts.ingest.budget) as reservation:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_CHUNK_BYTES:
                raise BodyError("too_large", f"send at most {MAX_CHUNK_BYTES:,} bytes a chunk", status=413)
            reservation.grow_to(len(body))
        return json_answer(await run_in_threadpool(_take, parts, bytes(body)))


@router.post("/finish")
async def finish(request: Request, parts: WithParts) -> Response:
    """Forget how far the source got."""
    end = await read_json(request, End)
    await run_in_threadpool(_receiver(parts).finish, end.source)
    return json_answer({})


def _begin(parts: Parts, principal: Principal, beginning: Beginning) -> int:
    after = _receiver(parts).begin(beginning.source, from_start=beginning.from_start)
    parts.audit.record(principal, "import", beginning.origin, f"goes on after line {after:,}" if after else "")
    return after


def _take(parts: Parts, body: bytes) -> Taken:
    try:
        chunk = msgspec.msgpack.decode(body, type=Chunk)
    except msgspec.MsgspecError as fault:
        raise BadArgument("the body is not a chunk: this command line belongs to another version") from fault
    return _receiver(parts).take(chunk)


def _receiver(parts: Parts) -> Receiver:
    importer = Importer(parts.ingest.decoder, parts.log, parts.writer)
    return Receiver(importer, ImportNotes(parts.audit.store, parts.clock))
