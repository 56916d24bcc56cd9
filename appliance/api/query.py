"""Read-only SQL."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from appliance.api.answers import BODY_PROBLEMS, PROBLEMS, answered, json_answer, problem_response
from appliance.api.arguments import known_only
from appliance.api.bodies import json_body, read_json
from appliance.api.parts import WithParts
from appliance.errors import QueryFailed
from appliance.query.answer import Answer

router = APIRouter(prefix="/v1", tags=["SQL"], responses=PROBLEMS)


class QueryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One SELECT statement over the views that docs/sql.md names."""

    sql: str


_COLUMN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "type"],
    "properties": {"name": {"type": "string"}, "type": {"type": "string", "examples": ["VARCHAR"]}},
}
_ANSWER: Final[dict[str, Any]] = {
    "columns": {"type": "array", "items": _COLUMN},
    "rows": {"type": "array", "items": {"type": "array", "items": {}}},
    "row_count": {"type": "integer"},
    "truncated": {"type": "boolean", "description": "There are more rows than these."},
    "elapsed_ms": {"type": "integer"},
}


@router.post(
    "/query",
    summary="Read-only SQL",
    responses={
        **answered("The rows, or the first of them.", _ANSWER),
        **BODY_PROBLEMS,
        400: problem_response("The statement may not run (`query_not_allowed`) or could not (`query_failed`)."),
        504: problem_response("The query took too long."),
    },
    openapi_extra=json_body(QueryRequest),
)
async def run_query(request: Request, parts: WithParts) -> Response:
    """One SELECT over `events`, `rollup_minute`, `rollup_hour` and `rollup_day`, bounded in time, rows and memory."""
    known_only(request.query_params, ())
    asked = await read_json(request, QueryRequest)
    query = asyncio.ensure_future(parts.sql.run(asked.sql))
    return json_answer(await _while_listened(request, query))


async def _while_listened(request: Request, query: asyncio.Future[Answer]) -> Answer:
    """The answer; a query whose caller has hung up ends."""
    hang_up = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((query, hang_up), return_when=asyncio.FIRST_COMPLETED)
        if not query.done():
            raise QueryFailed("the caller has hung up")
        return query.result()
    finally:
        hang_up.cancel()
        query.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
