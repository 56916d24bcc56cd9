"""Query arguments, read by hand so that a bad one gets 400 ``bad_argument`` with its name, never a 422."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from appliance.errors import BadArgument
from appliance.events.timestamps import instant_us

Name = TypeVar("Name", bound=str)
Default = TypeVar("Default")


def known_only(arguments: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse an argument that the route does not have: a slip of the pen would otherwise change the answer."""
    for name in arguments:
        if name not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise BadArgument(f"there is no argument of that name; allowed: {allowed}", field=name)


def instant(arguments: Mapping[str, str], name: str) -> int | None:
    """Microseconds since the epoch; a time without offset is UTC, a number counts from the epoch."""
    text = arguments.get(name, "").strip()
    if not text:
        return None
    # an unescaped "+" of an offset arrives as a blank
    text = text.replace(" ", "+") if "T" in text else text
    try:
        return instant_us(float(text) if text.replace(".", "", 1).isdecimal() and len(text) != 8 else text)
    except (ValueError, OverflowError) as fault:
        raise BadArgument("send ISO 8601, such as 2026-01-31T12:00:00Z", field=name) from fault


def whole_number(arguments: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """An integer between ``low`` and ``high``."""
    text = arguments.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or not low <= int(text[:12]) <= high:
        raise BadArgument(f"send a whole number from {low} to {high}", field=name)
    return int(text)


def choice(arguments: Mapping[str, str], name: str, allowed: Iterable[Name], default: Default) -> Name | Default:
    """One of the names in ``allowed``."""
    text = arguments.get(name, "").strip()
    if not text:
        return default
    for found in allowed:
        if found == text:
            return found
    raise BadArgument(f"send one of {', '.join(allowed)}", field=name)
