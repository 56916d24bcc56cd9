"""Time zones by IANA name, and where in time a zone's offset from UTC changes."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from appliance.clock import DAY_US, SECOND_US, to_datetime
from appliance.errors import BadArgument

# What these mean depends on the machine, or on nothing.
_NOT_ZONES = frozenset({"localtime", "posixrules", "Factory"})


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_ZONES


def zone_named(name: str) -> ZoneInfo:
    """The zone; ``BadArgument`` (field ``timezone``) for anything but an IANA name.

    Asks the list first, since ``ZoneInfo`` itself would open whatever file a name leads to.
    """
    if name not in _known():
        raise BadArgument(
            f"timezone {name[:80]!r} is not known; give an IANA name such as 'Europe/Berlin' or 'UTC'", field="timezone"
        )
    return ZoneInfo(name)


def local_iso(instant_us: int, zone: ZoneInfo) -> str:
    """ISO 8601 as clocks in the zone show it, with their offset: ``2026-03-29T00:00:00+01:00``."""
    return to_datetime(instant_us).astimezone(zone).isoformat()


def offset_us(instant_us: int, zone: ZoneInfo) -> int:
    """What the zone's clocks are ahead of UTC at an instant."""
    ahead = to_datetime(instant_us).astimezone(zone).utcoffset()
    assert ahead is not None  # noqa: S101 - an aware datetime has an offset
    return round(ahead.total_seconds()) * SECOND_US


def stretches(zone: ZoneInfo, from_us: int, to_us: int) -> list[tuple[int, int, int]]:
    """[from, to) as stretches of one offset each: (start, end, offset).

    The database tells no transitions, so they are looked for day by day; no zone changes twice
    within one and back.
    """
    found: list[tuple[int, int, int]] = []
    start, offset = from_us, offset_us(from_us, zone)
    previous = from_us
    for probe in [*range(from_us + DAY_US, to_us, DAY_US), to_us]:
        ahead = offset_us(probe, zone)
        if ahead != offset:
            change = _first_with_other_offset(zone, previous, probe, offset)
            found.append((start, change, offset))
            start, offset = change, ahead
        previous = probe
    if start < to_us:
        found.append((start, to_us, offset))
    return found


def _first_with_other_offset(zone: ZoneInfo, low_us: int, high_us: int, offset: int) -> int:
    """The transition between two instants, by bisection; at ``high_us`` the offset is another."""
    low, high = low_us // SECOND_US, high_us // SECOND_US
    while high - low > 1:
        middle = (low + high) // 2
        if offset_us(middle * SECOND_US, zone) == offset:
            low = middle
        else:
            high = middle
    return high * SECOND_US
