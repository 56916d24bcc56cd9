"""A rebuild as people ask for it, through the API or the command line."""

from __future__ import annotations

from appliance.clock import iso
from appliance.errors import BadArgument
from appliance.events.timestamps import instant_us


def start_of(text: str | None) -> int | None:
    """The instant that a rebuild begins with, ``None`` for all; raises ``BadArgument`` for what is no ISO 8601."""
    if text is None:
        return None
    try:
        return instant_us(text.strip())
    except (ValueError, OverflowError) as fault:
        raise BadArgument("send ISO 8601, such as 2026-01-31T12:00:00Z, or leave it out", field="from") from fault


def rebuild_detail(start_us: int | None) -> str:
    """What the audit log says about a rebuild."""
    return "" if start_us is None else f"from {iso(start_us)}"
