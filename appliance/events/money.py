"""Money in events: an amount in ten-thousandths and an ISO 4217 currency, read exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, Final

from appliance.events.rejection import Rejection

AMOUNT_FIELDS: Final = ("revenue", "amount", "value")
"""Where the amount is looked for, the first that is there wins."""

CURRENCIES: Final = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    "GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW "
    "KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD "
    "NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE "
    "SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED "
    "VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG "
    "ZWL".split()
)
"""ISO 4217 alphabetic codes, the retired HRK, SLL, ZWL, ANG and CUC among them: history has them too."""

_DECIMAL: Final = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LIMIT: Final = 10**18
_CONTEXT: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)
_SCALED_UNIT: Final = Decimal(1)


def read_money(properties: Mapping[str, Any], base_currency: str) -> tuple[int | None, str | None]:
    """The amount in ten-thousandths and its currency; ``(None, None)`` where none is stated.

    Rounds half to even at the fourth place. Raises ``Rejection`` (``bad_amount``, ``bad_currency``)
    for an amount that can't be read or passes DECIMAL(18, 4), and for an unknown currency.
    """
    currency = _currency(properties.get("currency"), base_currency)
    for name in AMOUNT_FIELDS:
        value = properties.get(name)
        if value is not None and value != "":
            return _amount(value, name), currency
    return None, None


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
    if type(value) is int:
        return value * 10_000
    if type(value) is str:
        if not _DECIMAL.fullmatch(value):
            raise ValueError("not decimal text")
    elif type(value) is not float and not isinstance(value, Decimal):
        raise TypeError("neither a number nor text")
    # a float's repr is the shortest text that names it: what the sender wrote, up to 15 digits
    amount = Decimal(str(value))
    return int(_CONTEXT.quantize(_CONTEXT.scaleb(amount, 4), _SCALED_UNIT))


def _currency(value: object, base_currency: str) -> str:
    if value is None or (type(value) is str and not value.strip()):
        return base_currency
    code = value.upper() if type(value) is str else ""
    if code not in CURRENCIES:
        raise Rejection("bad_currency", "properties.currency", "send an ISO 4217 code such as USD, or leave it out")
    return code
