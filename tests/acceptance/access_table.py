"""Which scope each route needs, written down by hand: what the appliance decides by rule is compared with this."""

from __future__ import annotations

import re
from typing import Final, Literal

from fastapi.routing import iter_route_contexts

from appliance.api.application import make_routes

Needs = Literal["nothing", "write", "read", "admin", "owner"]
"""``owner``: the token of ``server.json`` alone."""

ROUTES: Final[dict[tuple[str, str], Needs]] = {
    ("GET", "/health"): "nothing",
    ("GET", "/ready"): "nothing",
    ("POST", "/v1/events"): "write",
    ("GET", "/metrics"): "read",
    ("GET", "/docs"): "read",
    ("GET", "/openapi.json"): "read",
    ("HEAD", "/openapi.json"): "read",
    ("GET", "/static-offline-docs"): "read",
    ("GET", "/v1/metrics"): "read",
    ("GET", "/v1/metrics/{metric}/series"): "read",
    ("GET", "/v1/activity"): "read",
    ("GET", "/v1/heatmap"): "read",
    ("GET", "/v1/stream"): "read",
    ("POST", "/v1/query"): "read",
    ("GET", "/v1/export"): "read",
    ("GET", "/v1/dead-letters"): "read",
    ("GET", "/v1/dead-letters/{letter_id}"): "read",
    ("DELETE", "/v1/dead-letters/{letter_id}"): "admin",
    ("POST", "/v1/dead-letters/replay"): "admin",
    ("GET", "/v1/keys"): "admin",
    ("POST", "/v1/keys"): "admin",
    ("DELETE", "/v1/keys/{key_id}"): "admin",
    ("GET", "/v1/audit"): "admin",
    ("GET", "/v1/mirrors"): "read",
    ("POST", "/v1/mirrors/{name}/pause"): "admin",
    ("POST", "/v1/mirrors/{name}/resume"): "admin",
    ("POST", "/v1/mirrors/{name}/rebuild"): "admin",
    ("GET", "/v1/mirrors/{name}/dead-letters"): "read",
    ("GET", "/internal/hello"): "owner",
    ("POST", "/internal/import"): "admin",
    ("POST", "/internal/import/begin"): "admin",
    ("POST", "/internal/import/finish"): "admin",
    ("POST", "/internal/verify"): "admin",
    ("POST", "/internal/rebuild"): "admin",
}

OPENS: Final[dict[str, frozenset[Needs]]] = {
    "none": frozenset({"nothing"}),
    "write": frozenset({"nothing", "write"}),
    "read": frozenset({"nothing", "read"}),
    "admin": frozenset({"nothing", "write", "read", "admin"}),
    "owner": frozenset({"nothing", "write", "read", "admin", "owner"}),
}
"""What each key opens."""


def routed() -> set[tuple[str, str]]:
    """Method and template of everything that the application routes, mounts and hidden routes included."""
    contexts = list(iter_route_contexts(make_routes().routes))
    found = {(method, str(context.path)) for context in contexts for method in context.methods or {"GET"}}
    return found | {("POST", "/v1/events")}


def example(template: str) -> str:
    """An address that the template matches."""
    return re.sub(r"\{.+?\}", "x", template)
