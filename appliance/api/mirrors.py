"""Mirrors: how they stand, what they are told, what their targets refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import Response

from appliance.adapters.orders import rebuild_detail, start_of
from appliance.adapters.supervisor import require
from appliance.api.answers import BODY_PROBLEMS, PROBLEMS, answered, json_answer
from appliance.api.arguments import known_only, whole_number
from appliance.api.bodies import json_body, read_json
from appliance.api.parts import Parts, WithParts, WithPrincipal
from appliance.clock import iso

router = APIRouter(prefix="/v1/mirrors", tags=["mirrors"], responses=PROBLEMS)

MOST_LISTED: Final = 1_000
_DEFAULT_LIMIT: Final = 100

_MIRROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "status", "error", "lag_events", "lag_seconds", "cursor", "mirrored", "dead_letters"],
    "properties": {
        "name": {"type": "string"},
        "status": {"enum": ["up", "down", "paused", "foreign"]},
        "error": {"type": ["string", "null"]},
        "lag_events": {"type": "integer", "minimum": 0},
        "lag_seconds": {"type": "number", "minimum": 0},
        "cursor": {"type": ["string", "null"], "description": "The position up to which it holds everything."},
        "mirrored": {"type": "integer", "minimum": 0, "description": "Events since the process began."},
        "dead_letters": {"type": "integer", "minimum": 0, "description": "Events that its target refused for good."},
        "dead_letters_dropped": {"type": "integer", "minimum": 0, "description": "Of these, let go beyond the bound."},
        "rebuilding": {"type": "boolean", "description": "It was told to begin anew and hasn't yet."},
    },
}
_ONE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The mirror.", "content": {"application/json": {"schema": _MIRROR}}}
}
_LETTER: Final = {
    "type": "object",
    "required": ["event_id", "at", "reason"],
    "properties": {
        "event_id": {"type": "string", "format": "uuid"},
        "at": {"type": "string", "format": "date-time"},
        "reason": {"type": "string"},
    },
}
_LETTERS: Final = {
    "dead_letters": {"type": "array", "items": _LETTER},
    "total": {"type": "integer", "description": "How many there are, on this page or not."},
    "dropped": {"type": "integer", "description": "How many were let go beyond the bound."},
}
_PAGE: Final = [
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": _DEFAULT_LIMIT},
    },
    {
        "name": "before",
        "in": "query",
        "required": False,
        "description": "The event id of a letter: those that follow it come.",
        "schema": {"type": "string"},
    },
]


class Rebuild(msgspec.Struct, forbid_unknown_fields=True):
    """What a rebuild may leave out."""

    start: str | None = msgspec.field(default=None, name="from")


@router.get(
    "", summary="The mirrors", responses=answered("The mirrors.", {"mirrors": {"type": "array", "items": _MIRROR}})
)
async def list_mirrors(request: Request, parts: WithParts) -> Response:
    """Every configured mirror and how it stands."""
    known_only(request.query_params, ())
    found = parts.mirrors.status()
    return json_answer({"mirrors": [status.plain(name) for name, status in found.items()]})


@router.post("/{name}/pause", summary="Let a mirror rest", responses=_ONE)
async def pause(name: str, request: Request, parts: WithParts, principal: WithPrincipal) -> Response:
    """It writes nothing more after the batch that it is at, until it is resumed; restarts don't change that."""
    known_only(request.query_params, ())

    def order() -> None:
        parts.mirrors.pause(name)
        parts.audit.record(principal, "mirror.pause", name)

    return await _ordered(parts, name, order)


@router.post("/{name}/resume", summary="Let a mirror go on", responses=_ONE)
async def resume(name: str, request: Request, parts: WithParts, principal: WithPrincipal) -> Response:
    """It goes on from where it stands. One that waits for its next try does so at once."""
    known_only(request.query_params, ())

    def order() -> None:
        parts.mirrors.resume(name)
        parts.audit.record(principal, "mirror.resume", name)

    return await _ordered(parts, name, order)


@router.post(
    "/{name}/rebuild",
    summary="Make a mirror anew",
    responses={**_ONE, **BODY_PROBLEMS},
    openapi_extra=json_body(Rebuild, "`from`, ISO 8601: leave out what happened before. `{}`: leave out nothing."),
)
async def rebuild(name: str, request: Request, parts: WithParts, principal: WithPrincipal) -> Response:
    """It forgets its cursor, its effects and its dead letters, and mirrors the log from the beginning."""
    known_only(request.query_params, ())
    start_us = start_of((await read_json(request, Rebuild)).start)

    def order() -> None:
        parts.mirrors.rebuild(name, start_us)
        parts.audit.record(principal, "mirror.rebuild", name, rebuild_detail(start_us))

    return await _ordered(parts, name, order)


@router.get(
    "/{name}/dead-letters",
    summary="What a mirror's target refused",
    responses=answered("The letters.", _LETTERS),
    openapi_extra={"parameters": _PAGE},
)
async def list_dead_letters(name: str, request: Request, parts: WithParts) -> Response:
    """Events that the target refused for good, newest first. They are in the log; the mirror went on without them."""
    arguments = request.query_params
    known_only(arguments, ("limit", "before"))
    limit = whole_number(arguments, "limit", _DEFAULT_LIMIT, 1, MOST_LISTED)
    before = arguments.get("before") or None
    letters = await run_sync(lambda: parts.mirrors.refusals(name, limit=limit, before=before))
    status = parts.mirrors.status()[name]
    listed = [{"event_id": one.event_id, "at": iso(one.at_us), "reason": one.reason} for one in letters]
    return json_answer({"dead_letters": listed, "total": status.refused, "dropped": status.dropped})


async def _ordered(parts: Parts, name: str, order: Callable[[], None]) -> Response:
    require(name, parts.mirrors.status())
    await run_sync(order)
    return json_answer(parts.mirrors.status()[name].plain(name))
