"""``appliance verify`` and ``appliance rebuild`` beside a running server.

The answer is NDJSON: lines ``{"progress": {"what", "done", "total"}}``, then one ``{"result": …}`` or
``{"error": {"code", "message"}}``. When the client hangs up, the work ends at its next step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from appliance.api.parts import Parts, WithParts
from appliance.api.worker_stream import Emit, ReaderGone, WorkerStream
from appliance.errors import ApplianceError
from appliance.rollups.maintenance import Answer, rebuild_rollups, verify_log
from appliance.rollups.report import Progress

router = APIRouter()

_logger = structlog.get_logger(__name__)
_encoder = msgspec.json.Encoder(enc_hook=str)


@router.post("/verify")
async def verify(parts: WithParts) -> StreamingResponse:
    return _told(lambda progress: verify_log(parts.log, progress), "verify", parts)


@router.post("/rebuild")
async def rebuild(parts: WithParts) -> StreamingResponse:
    return _told(
        lambda progress: rebuild_rollups(parts.log, parts.writer, parts.settings, parts.clock, progress),
        "rebuild",
        parts,
    )


def _told(job: Callable[[Progress], Answer], name: str, parts: Parts) -> StreamingResponse:
    stream = WorkerStream(lambda emit: _tell(job, emit, name), name, is_unwanted=lambda: parts.log.database.is_closing)
    return StreamingResponse(stream.pieces(), media_type="application/x-ndjson")


def _tell(job: Callable[[Progress], Answer], emit: Emit, name: str) -> None:
    def say(message: dict[str, Any]) -> None:
        emit(_encoder.encode(message) + b"\n")

    def progress(what: str, done: int, total: int) -> None:
        say({"progress": {"what": what, "done": done, "total": total}})

    try:
        message: dict[str, Any] = {"result": job(progress)}
    except ReaderGone:
        raise
    except ApplianceError as fault:
        message = {"error": {"code": fault.code, "message": fault.message}}
    except Exception:
        _logger.exception("maintenance failed", work=name)
        message = {"error": {"code": "internal", "message": "the server failed; its log says how"}}
    say(message)
