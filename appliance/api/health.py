"""Is it alive, may it take traffic, and what does Prometheus get to see."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool

from appliance import __version__
from appliance.access.principal import Principal
from appliance.api.answers import PROBLEMS, json_answer
from appliance.api.exposition import exposition
from appliance.api.parts import Parts, WithParts

router = APIRouter(tags=["health"])

_PART: Final = {
    "type": "object",
    "required": ["status", "error", "lag_events", "lag_seconds"],
    "properties": {
        "status": {"enum": ["up", "down", "paused", "foreign"]},
        "error": {"type": ["string", "null"]},
        "lag_events": {"type": "integer", "minimum": 0},
        "lag_seconds": {"type": "number", "minimum": 0},
    },
}
_READINESS: Final = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"enum": ["ready", "not_ready"]},
        "reasons": {"type": "array", "items": {"type": "string"}},
        "parts": {"type": "object", "additionalProperties": _PART},
    },
}


def _told(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _READINESS}}}


@router.get("/health", summary="Is the process alive?")
async def read_health() -> Response:
    """Says yes as long as the process can answer at all."""
    return json_answer({"status": "ok", "version": __version__})


@router.get("/ready", summary="May it take traffic?", responses={200: _told("It may."), 503: _told("Not now.")})
async def read_readiness(request: Request, parts: WithParts) -> Response:
    """503 only while starting, stopping, out of disk or when the writer can't commit.

    Reasons, parts and lags are told to callers that may read; others learn the status alone.
    """
    reasons = parts.readiness()
    body: dict[str, Any] = {"status": "not_ready" if reasons else "ready"}
    caller: Principal | None = request.scope["principal"]
    if caller is not None and caller.may("read"):
        body |= {"reasons": reasons, "parts": _parts(parts)}
    return json_answer(body, 503 if reasons else 200)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **{status: PROBLEMS[status] for status in (401, 403, 429)},
    },
)
async def read_exposition(parts: WithParts) -> Response:
    """The appliance's own state in the Prometheus text format."""
    return Response(await run_in_threadpool(exposition, parts), media_type=CONTENT_TYPE_LATEST)


def _parts(parts: Parts) -> dict[str, dict[str, Any]]:
    events, seconds = parts.rollup_lag()
    rollups = {"status": "up", "error": None, "lag_events": events, "lag_seconds": round(seconds, 3)}
    found = {"rollups": rollups, **{name: status.part() for name, status in parts.mirrors.status().items()}}
    if parts.kafka is not None:
        found["kafka"] = parts.kafka.status().part()
    return found
