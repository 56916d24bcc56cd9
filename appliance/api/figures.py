"""Routes of the figures: metrics, their series, activity, heat map."""

from __future__ import annotations

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import Response

from appliance.analytics.activity import activity
from appliance.analytics.heatmap import heatmap
from appliance.analytics.points import MOST_POINTS
from appliance.analytics.series import series
from appliance.api.answers import PROBLEMS, json_answer
from appliance.api.arguments import instant, known_only, whole_number
from appliance.api.parts import WithParts

router = APIRouter(prefix="/v1", tags=["figures"], responses=PROBLEMS)


@router.get("/metrics", summary="Every metric now")
async def read_metrics(parts: WithParts) -> Response:
    """All metrics of one snapshot, as of `as_of`, at most two seconds old."""
    snapshot = await parts.queries.attend(run_sync(parts.hub.current))
    return json_answer({"as_of": snapshot.figures["as_of"], "metrics": snapshot.figures["metrics"]})


@router.get(
    "/metrics/{metric}/series",
    summary="A metric over time",
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
            for name, text in (
                ("from", "Begin, ISO 8601; rounded down to a whole bucket."),
                ("to", "End, exclusive, ISO 8601; rounded up to a whole bucket."),
                ("interval", "`minute`, `hour` or `day`."),
                ("timezone", "IANA zone in which buckets begin."),
                ("group_by", "`campaign_id event_type currency mailbox_provider link` or `properties.NAME`."),
            )
        ]
    },
)
async def read_series(metric: str, request: Request, parts: WithParts) -> Response:
    """Every bucket in `[from, to)`; the default is the last 60 minutes, 24 hours or 30 days."""
    arguments = request.query_params
    known_only(arguments, ("from", "to", "interval", "timezone", "group_by"))
    settings = parts.settings.analytics
    asked: dict[str, Any] = {
        "from_us": instant(arguments, "from"),
        "to_us": instant(arguments, "to"),
        "interval": arguments.get("interval") or "hour",
        "zone": arguments.get("timezone") or settings.timezone,
        "group_by": arguments.get("group_by") or None,
        "base_currency": settings.base_currency,
    }
    return json_answer(
        await parts.queries.run_heavy(
            lambda cursor: series(cursor, metric, as_of_us=parts.clock.now_us(), **asked),
        )
    )


@router.get(
    "/activity",
    summary="Events per minute",
    openapi_extra={
        "parameters": [
            {
                "name": "minutes",
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST_POINTS, "default": 60},
            }
        ]
    },
)
async def read_activity(request: Request, parts: WithParts) -> Response:
    """The last `minutes` minutes, empty ones included; the last is unfinished."""
    known_only(request.query_params, ("minutes",))
    minutes = whole_number(request.query_params, "minutes", 60, 1, MOST_POINTS)
    return json_answer(await parts.queries.run(lambda cursor: activity(cursor, parts.clock.now_us(), minutes=minutes)))


@router.get(
    "/heatmap",
    summary="Activity by weekday and hour",
    openapi_extra={
        "parameters": [
            {
                "name": "days",
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "maximum": 92, "default": 7},
            },
            {"name": "timezone", "in": "query", "required": False, "schema": {"type": "string"}},
        ]
    },
)
async def read_heatmap(request: Request, parts: WithParts) -> Response:
    """Active events of the last `days` times 24 hours, Monday first."""
    arguments = request.query_params
    known_only(arguments, ("days", "timezone"))
    days = whole_number(arguments, "days", 7, 1, 92)
    zone = arguments.get("timezone") or parts.settings.analytics.timezone
    return json_answer(
        await parts.queries.run_heavy(lambda cursor: heatmap(cursor, parts.clock.now_us(), days=days, zone=zone))
    )
