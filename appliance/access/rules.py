"""Which scope a request needs, decided in one place for every route there is and will be.

A route that nobody thought of needs ``read`` when its method changes nothing by HTTP's own definition, and ``admin``
otherwise: what is forgotten is locked, not open.
"""

from __future__ import annotations

from typing import Final

from appliance.access.principal import Scope

_OPEN: Final = frozenset({"/health", "/ready"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITE: Final = frozenset({("POST", "/v1/events")})
# They change nothing, though what they are asked doesn't fit into an address.
_READ: Final = frozenset({("POST", "/v1/query")})
# Who has which key, and what administrators did, is the administrators' business.
_ADMIN: Final = ("/v1/keys", "/v1/audit", "/internal")
# What a browser shows to a person who has signed in at the dashboard; everything else takes a key.
_WITH_SESSION: Final = ("/v1/stream", "/docs", "/openapi.json", "/static-offline-docs")


def needed_scope(method: str, path: str) -> Scope | None:
    """The scope that a request needs; ``None`` where anyone may ask."""
    # the router's patterns overlook a line's end behind a path, and what it takes for a path this must, too
    path = path.removesuffix("\n")
    if path in _OPEN and method in _SAFE:
        return None
    if (method, path) in _WRITE:
        return "write"
    if any(_is_below(path, root) for root in _ADMIN):
        return "admin"
    return "read" if method in _SAFE or (method, path) in _READ else "admin"


def takes_session(method: str, path: str) -> bool:
    """Whether the dashboard's session cookie opens this too."""
    return method in _SAFE and any(_is_below(path, root) for root in _WITH_SESSION)


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")
