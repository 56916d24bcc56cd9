"""``GET /v1/export``: events as a file, streamed out of one read transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from appliance.analytics.export import ExportFormat, Selection
from appliance.analytics.export_compression import COMPRESSED_TYPES, COMPRESSORS, ExportCompression
from appliance.analytics.export_formats import ENCODERS, MEDIA_TYPES
from appliance.analytics.export_stream import export_file
from appliance.api.answers import PROBLEMS
from appliance.api.arguments import choice, instant, known_only
from appliance.api.parts import Parts, WithParts
from appliance.api.worker_response import WorkerResponse
from appliance.api.worker_stream import Emit, WorkerStream
from appliance.clock import to_datetime
from appliance.errors import BadArgument

router = APIRouter(prefix="/v1", tags=["export"], responses=PROBLEMS)

# Above 0: whatever acknowledges and answers goes before. An export may take a little longer.
_NICENESS: Final = 10
_ARGUMENTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "format": (
        "Format of the file; by default the first in `Accept` that there is, else `ndjson`.",
        {"type": "string", "enum": list(ENCODERS)},
    ),
    "from": ("Only events that happened at this time or later, ISO 8601.", {"type": "string"}),
    "to": ("Only events that happened before this time, ISO 8601.", {"type": "string"}),
    "event_type": ("Only events of this type.", {"type": "string"}),
    "campaign_id": ("Only events of this campaign.", {"type": "string"}),
    "compression": (
        "Compress the file, NDJSON or CSV. Parquet is compressed in any case.",
        {"type": "string", "enum": list(COMPRESSORS)},
    ),
}
_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file. A fault on the way cuts the connection before the end of the body.",
        "headers": {
            "X-Events": {"description": "How many events it holds.", "schema": {"type": "integer"}},
            "Content-Disposition": {"description": "A name for the file.", "schema": {"type": "string"}},
        },
        "content": {
            media_type.partition(";")[0]: _FILE for media_type in (*MEDIA_TYPES.values(), *COMPRESSED_TYPES.values())
        },
    }
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    format: ExportFormat
    compression: ExportCompression | None
    events: Selection

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.format] if self.compression is None else COMPRESSED_TYPES[self.compression]

    def file_name(self, now_us: int) -> str:
        suffix = {None: "", "gzip": ".gz", "zstd": ".zst"}[self.compression]
        return f"events-{to_datetime(now_us):%Y%m%dT%H%M%SZ}.{self.format}{suffix}"


@router.get(
    "/export",
    summary="Events as a file",
    response_class=StreamingResponse,
    responses=_ANSWER,
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
            for name, (text, schema) in _ARGUMENTS.items()
        ]
    },
)
async def read_export(request: Request, parts: WithParts) -> StreamingResponse:
    """The events of one moment, every one that was acknowledged before; what comes in meanwhile isn't in it."""
    wanted = _wanted(request.query_params, request.headers.get("accept", ""))
    stream = WorkerStream(
        lambda emit: _export(parts, wanted, emit),
        "export",
        is_unwanted=lambda: parts.log.database.is_closing,
        patience_seconds=parts.settings.server.export_patience_seconds,
        niceness=_NICENESS,
    )
    pieces = stream.pieces()
    count = await anext(pieces)
    headers = {
        "x-events": count.decode(),
        "content-disposition": f'attachment; filename="{wanted.file_name(parts.clock.now_us())}"',
        "cache-control": "no-store",
    }
    return WorkerResponse(stream, pieces, headers, wanted.media_type)


def _export(parts: Parts, wanted: _Wanted, emit: Emit) -> None:
    counts: list[int] = []

    def on_count(count: int) -> None:
        counts.append(count)
        emit(str(count).encode())

    with parts.exports.one(), parts.log.reader() as cursor:
        export_file(cursor, wanted.format, wanted.events, on_count=on_count, write=emit, compression=wanted.compression)
    parts.exports.completed(wanted.format, counts[0])


def _wanted(arguments: Mapping[str, str], accept: str) -> _Wanted:
    known_only(arguments, _ARGUMENTS)
    chosen: ExportFormat = choice(arguments, "format", ENCODERS, _accepted(accept))
    compression: ExportCompression | None = choice(arguments, "compression", COMPRESSORS, None)
    if compression is not None and chosen == "parquet":
        raise BadArgument("Parquet is compressed already: leave it out", field="compression")
    from_us, to_us = instant(arguments, "from"), instant(arguments, "to")
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise BadArgument("send a time before `to`", field="from")
    selection = Selection(from_us, to_us, arguments.get("event_type") or None, arguments.get("campaign_id") or None)
    return _Wanted(chosen, compression, selection)


def _accepted(accept: str) -> ExportFormat:
    """The format of the first media type that is one of ours; weights are not looked at."""
    for part in accept.lower().split(","):
        asked = part.partition(";")[0].strip()
        for name, media_type in MEDIA_TYPES.items():
            if asked == media_type.partition(";")[0]:
                return name
    return "ndjson"
