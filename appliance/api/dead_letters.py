"""Refused events: what there is, one of them, replayed as they are or mended, discarded."""

from __future__ import annotations

from typing import Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import Response

from appliance.access.principal import Principal
from appliance.api.answers import BODY_PROBLEMS, PROBLEMS, answered, json_answer, problem_answer, problem_response
from appliance.api.arguments import instant, known_only, whole_number
from appliance.api.bodies import read_json
from appliance.api.openapi import ACCEPTED
from appliance.api.parts import Parts, WithParts, WithPrincipal
from appliance.errors import NotFound
from appliance.ingest.dead_letter_list import (
    DEFAULT_LIMIT,
    MOST_LISTED,
    Filter,
    list_letters,
    parse_id,
    show_letter,
)
from appliance.ingest.replay import MOST_REPLAYED, Outcome, Replayer, Wanted
from appliance.ingest.replay_request import MOST_BYTES, ReplayRequest, answer_of

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], responses=PROBLEMS)

_LETTER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "received_at", "source", "code", "field", "message", "payload", "payload_encoding"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "received_at": {"type": "string", "format": "date-time"},
        "source": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": ["string", "null"]},
        "message": {"type": "string"},
        "payload": {"type": "string"},
        "payload_encoding": {"enum": ["utf-8", "base64"]},
        "origin": {"type": "string", "description": "Where in its source it stood, such as `file:line`."},
        "payload_bytes": {"type": "integer", "description": "Bytes as they came, where only the beginning was kept."},
    },
}
_LISTED: Final = {
    "dead_letters": {"type": "array", "items": _LETTER},
    "total": {"type": "integer", "description": "Letters that match the filter, on this page or not."},
    "dropped": {"type": "integer", "description": "Letters let go by the bounds since the data folder was made."},
}
_ONE: Final = {"description": "The letter.", "content": {"application/json": {"schema": _LETTER}}}
_ARGUMENTS: Final = [
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": DEFAULT_LIMIT},
    },
    *(
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in (
            ("source", "The way in: `http`, `import`, …"),
            ("code", "Why they were refused."),
            ("from", "Received at this time or later, ISO 8601."),
            ("to", "Received before this time, ISO 8601."),
            ("before", "The id of a letter: those that follow it come."),
        )
    ),
]
_MENDED: Final = {
    "type": "object",
    "required": ["id", "event"],
    "properties": {"id": {"type": "string"}, "event": {"description": "The mended event."}},
    "additionalProperties": False,
}
_REQUEST: Final = {
    "oneOf": [
        {
            "type": "object",
            "required": [name],
            "properties": {name: {"type": "array", "items": item, "minItems": 1, "maxItems": MOST_REPLAYED}},
            "additionalProperties": False,
        }
        for name, item in (("ids", {"type": "string"}), ("events", _MENDED))
    ]
}


@router.get(
    "",
    summary="The dead letters there are",
    responses=answered("A page of letters, newest first.", _LISTED),
    openapi_extra={"parameters": _ARGUMENTS},
)
async def list_dead_letters(request: Request, parts: WithParts) -> Response:
    """Refused events, newest first. A page ends early where its payloads would pass 16 MiB."""
    arguments = request.query_params
    known_only(arguments, ("limit", "source", "code", "from", "to", "before"))
    wanted = Filter(
        source=arguments.get("source") or None,
        code=arguments.get("code") or None,
        from_us=instant(arguments, "from"),
        to_us=instant(arguments, "to"),
    )
    limit = whole_number(arguments, "limit", DEFAULT_LIMIT, 1, MOST_LISTED)
    before = arguments.get("before") or None
    listed = await parts.queries.run_heavy(lambda cursor: list_letters(cursor, wanted, limit=limit, before=before))
    return json_answer(listed | {"dropped": parts.log.dead_letters.stock.dropped})


@router.post(
    "/replay",
    summary="Replay dead letters",
    status_code=202,
    responses={
        202: {
            "description": "At least one event was stored or had been before.",
            "content": {"application/json": {"schema": ACCEPTED}},
        },
        **BODY_PROBLEMS,
        400: problem_response("Nothing could be accepted; `rejected` says why. Or the body is none that is read here."),
    },
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _REQUEST}}}},
)
async def replay_dead_letters(request: Request, parts: WithParts, principal: WithPrincipal) -> Response:
    """As they are (`ids`) or mended (`events`). Sent again, it stores nothing twice and counts duplicates."""
    known_only(request.query_params, ())
    asked = await read_json(request, ReplayRequest, limit_bytes=MOST_BYTES)
    status, body = answer_of(await run_sync(_replay, parts, principal, asked.wanted()))
    return json_answer(body, status) if status < 400 else problem_answer(status, body)


@router.get("/{letter_id}", summary="One dead letter", responses={200: _ONE})
async def show_dead_letter(letter_id: str, request: Request, parts: WithParts) -> Response:
    """As in the list."""
    known_only(request.query_params, ())
    return json_answer(await parts.queries.run(lambda cursor: show_letter(cursor, letter_id)))


@router.delete(
    "/{letter_id}",
    summary="Discard a dead letter",
    responses=answered("It is gone.", {"id": {"type": "string"}, "discarded": {"const": True}}),
)
async def discard_dead_letter(letter_id: str, request: Request, parts: WithParts, principal: WithPrincipal) -> Response:
    """Without a trace but the audit log's."""
    known_only(request.query_params, ())
    return json_answer(await run_sync(_discard, parts, principal, letter_id))


def _replay(parts: Parts, principal: Principal, wanted: list[Wanted]) -> Outcome:
    outcome = Replayer(parts.ingest.decoder, parts.log, parts.writer).replay(wanted)
    subject = wanted[0].id if len(wanted) == 1 else f"{len(wanted)} letters"
    parts.audit.record(principal, "dead_letters.replay", subject, outcome.words())
    return outcome


def _discard(parts: Parts, principal: Principal, letter_id: str) -> dict[str, Any]:
    parsed = parse_id(letter_id)
    found = parts.writer.call(lambda: parts.log.dead_letters.discard([parsed.bytes])).result() if parsed else 0
    if not found:
        raise NotFound("there is no such dead letter: it was replayed, discarded or let go, or never was")
    parts.audit.record(principal, "dead_letters.discard", letter_id)
    return {"id": str(parsed), "discarded": True}
