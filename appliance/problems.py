"""Problem details for HTTP answers, RFC 9457: a stable ``code`` beside the standard members."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from appliance.errors import ApplianceError, LogError, RequestError, TransientError

MEDIA_TYPE: Final = "application/problem+json"


def problem(status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    """The body of an error answer; ``members`` that are ``None`` are left out."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return body | {name: value for name, value in members.items() if value is not None}


def status_of(error: ApplianceError) -> int:
    """The HTTP status that an error of ours is answered with."""
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, (LogError, TransientError)):
        return 503
    return 500


def problem_of(error: ApplianceError) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """Status, body and extra headers for an error of ours."""
    status = status_of(error)
    field = error.field if isinstance(error, RequestError) else None
    headers = {"retry-after": str(error.retry_after_seconds)} if isinstance(error, TransientError) else {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return status, problem(status, error.code, error.message, field=field), headers
