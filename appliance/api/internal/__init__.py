"""Routes for the command line beside a running server; the gate lets administrators in alone."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from appliance.api.answers import json_answer
from appliance.api.internal import importing, maintenance
from appliance.api.internal.token import require_token
from appliance.api.parts import WithParts

router = APIRouter(prefix="/internal", include_in_schema=False)
for part in (importing.router, maintenance.router):
    router.include_router(part)


@router.get("/hello", dependencies=[Depends(require_token)])
async def say_hello(parts: WithParts) -> Response:
    """Which data folder this server has open: a left-over ``server.json`` may point at another's address."""
    return json_answer({"data": str(parts.settings.server.data.resolve())})
