"""Keys and the audit log, for administrators."""

from __future__ import annotations

from typing import Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import Response

from appliance.access.key_management import NewKey, make_key, plain_key, revoke_key
from appliance.access.principal import SCOPES
from appliance.api.answers import BODY_PROBLEMS, PROBLEMS, answered, json_answer
from appliance.api.arguments import known_only, whole_number
from appliance.api.bodies import json_body, read_json
from appliance.api.parts import WithParts, WithPrincipal

router = APIRouter(prefix="/v1", tags=["administration"], responses=PROBLEMS)

_MOST_ACTIONS: Final = 1_000

_KEY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "name", "scopes", "status"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "scopes": {"type": "array", "items": {"enum": list(SCOPES)}},
        "status": {"enum": ["valid", "expired", "revoked"]},
        "created_at": {"type": ["string", "null"]},
        "expires_at": {"type": ["string", "null"]},
        "revoked_at": {"type": ["string", "null"]},
        "last_used_at": {"type": ["string", "null"]},
    },
}
_MADE: Final = {
    **_KEY,
    "required": [*_KEY["required"], "key"],
    "properties": {**_KEY["properties"], "key": {"type": "string"}},
}
_ACTION: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        **{name: {"type": "string"} for name in ("at", "actor", "address", "action", "subject", "detail")},
    },
}


@router.get(
    "/keys", summary="The keys there are", responses=answered("The keys.", {"keys": {"type": "array", "items": _KEY}})
)
async def list_keys(request: Request, parts: WithParts) -> Response:
    """Every key, the newest first; never its text, which nobody keeps."""
    known_only(request.query_params, ())
    keys = await run_sync(parts.access.keyring.list)
    return json_answer({"keys": [plain_key(key, parts.clock.now_us()) for key in keys]})


@router.post(
    "/keys",
    summary="Make a key",
    status_code=201,
    responses={
        201: {"description": "The key; `key` is its text.", "content": {"application/json": {"schema": _MADE}}},
        **BODY_PROBLEMS,
    },
    openapi_extra=json_body(NewKey),
)
async def create_key(request: Request, parts: WithParts, principal: WithPrincipal) -> Response:
    """The text of the key, `key`, is in this answer and nowhere else."""
    known_only(request.query_params, ())
    asked = await read_json(request, NewKey)
    access, now_us = parts.access, parts.clock.now_us()
    made = await run_sync(lambda: make_key(access.keyring, access.audit, principal, asked, now_us))
    return json_answer(made, 201)


@router.delete(
    "/keys/{key_id}",
    summary="Revoke a key",
    responses={200: {"description": "The key, revoked.", "content": {"application/json": {"schema": _KEY}}}},
)
async def end_key(key_id: str, request: Request, parts: WithParts, principal: WithPrincipal) -> Response:
    """It opens nothing from now on. Sessions at the dashboard that were opened with it end."""
    known_only(request.query_params, ())
    access, now_us = parts.access, parts.clock.now_us()
    revoked = await run_sync(lambda: revoke_key(access.keyring, access.audit, principal, key_id, now_us))
    return json_answer(revoked)


@router.get(
    "/audit",
    summary="What administrators did",
    responses=answered("The actions.", {"actions": {"type": "array", "items": _ACTION}}),
    openapi_extra={
        "parameters": [
            {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": _MOST_ACTIONS}},
            {"name": "before", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 2**31}},
        ]
    },
)
async def read_audit(request: Request, parts: WithParts) -> Response:
    """Actions, newest first; `before` is an action's id, and then those older than it come."""
    arguments = request.query_params
    known_only(arguments, ("limit", "before"))
    limit = whole_number(arguments, "limit", 100, 1, _MOST_ACTIONS)
    before = whole_number(arguments, "before", 0, 1, 2**31) or None
    actions = await run_sync(lambda: parts.audit.latest(limit, before))
    return json_answer({"actions": [action.plain() for action in actions]})
