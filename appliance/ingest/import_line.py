"""The JSON of one event that came from a file."""

from __future__ import annotations

from typing import Final

from appliance.events.parsed import ParsedEvent, WireLimits
from appliance.events.rejection import Rejection
from appliance.events.wire import parse_event

_FACTOR: Final = 8


def parse_line(raw: bytes, limits: WireLimits) -> ParsedEvent:
    """The event; raises ``Rejection``.

    One of an export of ours may be beyond the limits: unknown fields have joined its properties.
    """
    try:
        return parse_event(raw, limits)
    except Rejection as rejection:
        if rejection.code not in ("too_large", "too_deep") or b'"received_at"' not in raw:
            raise
    return parse_event(raw, WireLimits(_FACTOR * limits.max_properties_bytes, limits.max_depth + 1))
