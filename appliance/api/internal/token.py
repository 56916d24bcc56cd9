"""Whether the caller has read the ``server.json`` of this very server."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import Header

from appliance.access.door import Forbidden
from appliance.api.parts import WithParts


def require_token(parts: WithParts, authorization: Annotated[str, Header()] = "") -> None:
    if not secrets.compare_digest(authorization.encode(), f"Bearer {parts.admin_token}".encode()):
        raise Forbidden("this route is for the command line on this machine")
