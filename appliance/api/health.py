"""Is it alive, may it take traffic, and what does Prometheus get to see."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from appliance import __version__
from appliance.api.answers import json_answer, problem_response
from appliance.api.exposition import exposition
from appliance.api.parts import WithParts

router = APIRouter(tags=["health"])


@router.get("/health", summary="Is the process alive?")
async def read_health() -> Response:
    """Says yes as long as the process can answer at all."""
    return json_answer({"status": "ok", "version": __version__})


@router.get("/ready", summary="May it take traffic?", responses={503: problem_response("Not now; `reasons` says why.")})
async def read_readiness(parts: WithParts) -> Response:
    """503 only while starting, stopping, out of disk or when the writer can't commit."""
    reasons = parts.readiness()
    events, seconds = parts.rollup_lag()
    rollups = {"status": "up", "error": None, "lag_events": events, "lag_seconds": round(seconds, 3)}
    body = {"status": "not_ready" if reasons else "ready", "reasons": reasons, "parts": {"rollups": rollups}}
    return json_answer(body, 503 if reasons else 200)


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def read_exposition(parts: WithParts) -> Response:
    """The appliance's own state in the Prometheus text format."""
    return Response(exposition(parts), media_type=CONTENT_TYPE_LATEST)
