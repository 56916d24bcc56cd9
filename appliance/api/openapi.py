"""OpenAPI for what FastAPI doesn't route itself: ``POST /v1/events``."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from appliance.access.principal import Scope
from appliance.access.rules import needed_scope
from appliance.api.answers import problem_response

_IDENTIFIER: Final = {"anyOf": [{"type": "string", "maxLength": 200}, {"type": "integer"}]}
_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["event_type", "user_id"],
    "properties": {
        "event_type": {"type": "string", "pattern": "^[a-z][a-z0-9_.:-]{0,63}$", "examples": ["email_opened"]},
        "user_id": _IDENTIFIER,
        "timestamp": {
            "description": "ISO 8601 (no offset: UTC), or Unix seconds, milliseconds or microseconds.",
            "anyOf": [{"type": "string"}, {"type": "number"}],
        },
        "event_id": {**_IDENTIFIER, "description": "The de-duplication key: a UUID, or other text."},
        "session_id": _IDENTIFIER,
        "campaign_id": _IDENTIFIER,
        "properties": {"type": "object", "additionalProperties": True},
    },
    "additionalProperties": True,
}
_REJECTED: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "index": {"type": "integer"},
            "code": {"type": "string"},
            "field": {"type": ["string", "null"]},
            "message": {"type": "string"},
        },
    },
}
ACCEPTED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"accepted": {"type": "integer"}, "duplicates": {"type": "integer"}, "rejected": _REJECTED},
}

POST_EVENTS: Final[dict[str, Any]] = {
    "tags": ["events"],
    "summary": "Send events",
    "description": "One event, an array, or NDJSON. Answered when the events are durable.",
    "operationId": "post_events",
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Gives events without an id one of their own, so that sending again stores nothing twice.",
            "schema": {"type": "string", "maxLength": 200},
        },
        {
            "name": "Content-Encoding",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "enum": ["gzip", "zstd"]},
        },
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [_EVENT, {"type": "array", "items": _EVENT}]}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    },
    "responses": {
        "202": {
            "description": "At least one event was accepted or had been before.",
            "content": {"application/json": {"schema": ACCEPTED}},
        },
        "400": problem_response("Nothing could be accepted; `rejected` says why, event by event."),
        "401": problem_response("Nobody is known by the key that was sent, if one was."),
        "403": problem_response("The key may not write, or the Host or Origin is not this server's."),
        "408": problem_response("The body came too slowly."),
        "413": problem_response("The body, or what it inflates to, is too large."),
        "415": problem_response("Another Content-Type or Content-Encoding."),
        "429": problem_response("Too many requests; try again after `Retry-After` seconds."),
        "503": problem_response("No room or too much waiting; try again after `Retry-After` seconds."),
    },
}


_KEY: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key, in key mode. In open mode, on a loopback address, none is needed.",
}


def document(routes: FastAPI) -> None:
    """Let the OpenAPI document show ingest among the routes."""
    generate = routes.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        schema["paths"].setdefault("/v1/events", {"post": POST_EVENTS})
        schema.setdefault("components", {})["securitySchemes"] = {"key": _KEY}
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                _tell_scope(operation, needed_scope(method.upper(), path))
        return schema

    routes.openapi = openapi  # type: ignore[method-assign]


def _tell_scope(operation: dict[str, Any], scope: Scope | None) -> None:
    # a list of scopes is allowed for every kind of scheme since OpenAPI 3.1
    operation["security"] = [] if scope is None else [{"key": [scope]}, {}]
