"""How figures are rounded: exactly, half to even, from integers, so that no float noise decides a digit."""

from __future__ import annotations

from fractions import Fraction

from appliance.events.row import AMOUNT_SCALE


def rounded(value: Fraction, places: int) -> float:
    """``value`` with at most ``places`` decimals, half to even."""
    scale: int = 10**places
    return round(value * scale) / scale


def money(ten_thousandths: int) -> float:
    """An amount in its currency, with its up to 4 decimals."""
    return ten_thousandths / AMOUNT_SCALE
