"""Who may use the internal routes: the machine's owner, who can read ``server.json``."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Header

from appliance.api.parts import WithParts
from appliance.errors import RequestError


class Forbidden(RequestError):
    """The route is for the appliance's own command line. Name an admin key with --key."""

    code = "forbidden"
    status = 403


def require_token(parts: WithParts, authorization: Annotated[str, Header()] = "") -> None:
    if not secrets.compare_digest(authorization.encode(), f"Bearer {parts.admin_token}".encode()):
        raise Forbidden
