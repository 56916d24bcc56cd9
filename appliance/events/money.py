"""Money in events: an amount in ten-thousandths and an ISO 4217 currency, read exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, Final

from appliance.config.currencies import CURRENCIES
from appliance.events.rejection import Rejection

AMOUNT_FIELDS: Final = ("revenue", "amount", "value")
"""Where the amount is looked for, the first that is there wins."""

_DECIMAL: Final = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,9})?", re.ASCII)
_LIMIT: Final = 10**18
_PLACES: Final = Decimal("0.0001")
# One rounding alone, from the amount as it was sent: what needs more digits than this is beyond the limit.
_CONTEXT: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)
# Fifteen digits survive the way through a float: ten before the point leave the fourth place and a tie beyond it.
_FLOAT_BELOW: Final = 1e10
_NEAR_TIE: Final = 0.02


def read_money(properties: Mapping[str, Any], base_currency: str) -> tuple[int | None, str | None]:
    """The amount in ten-thousandths and its currency; ``(None, None)`` where none is stated.

    Rounds half to even at the fourth place. Raises ``Rejection`` (``bad_amount``, ``bad_currency``)
    for an amount that can't be read or passes DECIMAL(18, 4), and for an unknown currency.
    """
    currency = _currency(properties.get("currency"), base_currency)
    for name in AMOUNT_FIELDS:
        value = properties.get(name)
        if value is not None and (type(value) is not str or value.strip()):
            return _amount(value, name), currency
    return None, None


def float_loses(amount: float) -> bool:
    """Whether the decimal that was sent may round to another amount than the float that was made of it."""
    return abs(amount) >= _FLOAT_BELOW or abs(amount * 10_000 % 1 - 0.5) < _NEAR_TIE


def _amount(value: object, name: str) -> int:
    field = f"properties.{name}"
    try:
        scaled = _scaled(value)
    except (InvalidOperation, ValueError, TypeError) as fault:
        raise Rejection("bad_amount", field, "send the amount as a number or as decimal text such as 19.99") from fault
    if abs(scaled) >= _LIMIT:
        raise Rejection("bad_amount", field, "the amount must be less than 100,000,000,000,000")
    return scaled


def _scaled(value: object) -> int:
    if type(value) is float and not float_loses(value):
        return round(value * 10_000)
    if type(value) is int:
        return value * 10_000
    if type(value) is str:
        if not _DECIMAL.fullmatch(value):
            raise ValueError("not decimal text")
    elif type(value) is not float and not isinstance(value, Decimal):
        raise TypeError("neither a number nor text")
    # a float's repr is the shortest text that names it: what the sender wrote, up to 15 digits
    amount = value if isinstance(value, Decimal) else Decimal(str(value))
    return int(_CONTEXT.scaleb(_CONTEXT.quantize(amount, _PLACES), 4))


def _currency(value: object, base_currency: str) -> str:
    if value is None or (type(value) is str and not value.strip()):
        return base_currency
    # letters of other alphabets may have capitals among ours: the long s becomes S
    code = value.upper() if type(value) is str and value.isascii() else ""
    if code not in CURRENCIES:
        raise Rejection("bad_currency", "properties.currency", "send an ISO 4217 code such as USD, or leave it out")
    return code
