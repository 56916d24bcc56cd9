"""Answers of the API: JSON by msgspec, errors as problem details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi.responses import Response

from appliance.problems import MEDIA_TYPE

_encode = msgspec.json.Encoder().encode

_PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
    },
}


def problem_response(description: str) -> dict[str, Any]:
    """How OpenAPI describes an error answer."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}}}


def answered(description: str, properties: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI describes a good answer: an object that has these properties."""
    schema = {"type": "object", "required": list(properties), "properties": dict(properties)}
    return {200: {"description": description, "content": {"application/json": {"schema": schema}}}}


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: problem_response("An argument is wrong; `field` names it."),
    401: problem_response("Nobody is known by the key that was sent, if one was."),
    403: problem_response("The caller may not."),
    404: problem_response("There is no such thing."),
    429: problem_response("Too many requests; try again after `Retry-After` seconds."),
    503: problem_response("Not now; try again after `Retry-After` seconds."),
}

BODY_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    408: problem_response("The body came too slowly."),
    413: problem_response("The body is too large."),
    415: problem_response("The body's type is none that is read here."),
}


def json_answer(body: object, status: int = 200) -> Response:
    return Response(_encode(body), status_code=status, media_type="application/json")


def problem_answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(_encode(body), status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))
