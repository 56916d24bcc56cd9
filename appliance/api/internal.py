"""Routes for the command line beside a running server, opened by the token in ``server.json``."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Header

from appliance.api.parts import WithParts
from appliance.errors import RequestError


class Forbidden(RequestError):
    """The route is for the appliance's own command line."""

    code = "forbidden"
    status = 403


def _require_token(parts: WithParts, authorization: Annotated[str, Header()] = "") -> None:
    if not secrets.compare_digest(authorization.encode(), f"Bearer {parts.admin_token}".encode()):
        raise Forbidden


router = APIRouter(prefix="/internal", include_in_schema=False, dependencies=[Depends(_require_token)])
