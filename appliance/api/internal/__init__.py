"""Routes for the command line beside a running server, opened by the token in ``server.json``."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from appliance.api.answers import json_answer
from appliance.api.internal import exporting, importing, maintenance
from appliance.api.internal.token import require_token
from appliance.api.parts import WithParts

router = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(require_token)])
for part in (importing.router, exporting.router, maintenance.router):
    router.include_router(part)


@router.get("/hello")
async def say_hello(parts: WithParts) -> Response:
    """Which data folder this server has open: a left-over ``server.json`` may point at another's address."""
    return json_answer({"data": str(parts.settings.server.data.resolve())})
