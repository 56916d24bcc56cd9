"""``appliance export`` beside a running server: a file's bytes, streamed out of one read transaction."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from appliance.analytics.export import Range
from appliance.analytics.export_formats import MEDIA_TYPES
from appliance.analytics.export_stream import export_file
from appliance.api.parts import Parts, WithParts
from appliance.api.worker_stream import Emit, WorkerStream

router = APIRouter()


@router.get("/export")
async def read_export(
    parts: WithParts,
    format: Literal["ndjson", "csv", "parquet"] = "ndjson",  # noqa: A002 - the argument's public name
    from_us: int | None = None,
    to_us: int | None = None,
) -> StreamingResponse:
    """The file, and in ``X-Events`` how many events it holds. A fault on the way cuts the connection."""
    stream = WorkerStream(
        lambda emit: _work(parts, format, Range(from_us, to_us), emit),
        "export",
        is_unwanted=lambda: parts.log.database.is_closing,
    )
    pieces = stream.pieces()
    count = await anext(pieces)
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[format], headers={"x-events": count.decode()})


def _work(parts: Parts, format_name: str, wanted: Range, emit: Emit) -> None:
    with parts.log.reader() as cursor:
        export_file(cursor, format_name, wanted, on_count=lambda count: emit(str(count).encode()), write=emit)
