from __future__ import annotations

import json
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.currencies import CURRENCIES
from appliance.events.money import read_money
from appliance.events.normalise import Intake, normalise
from appliance.events.parsed import WireLimits
from appliance.events.rejection import Rejection
from appliance.events.row import EventRow
from appliance.events.wire import parse_event
from appliance.testing import START_US

_INTAKE = Intake(START_US, "http", "USD", None, START_US)


def _row(amount: str, *, kind: str = "conversion", extra: str = "") -> EventRow:
    """The row of an event whose revenue is written as ``amount`` says."""
    raw = f'{{"event_type":"{kind}","user_id":"u",{extra}"properties":{{"revenue":{amount}}}}}'
    return EventRow(*normalise(parse_event(raw.encode(), WireLimits()), _INTAKE))  # type: ignore[arg-type]


def _amount(amount: str, **more: str) -> int | None:
    return _row(amount, **more).amount


def _half_even(text: str) -> int:
    return int(Decimal(text).quantize(Decimal("0.0001"), ROUND_HALF_EVEN, Context(prec=200)) * 10_000)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("19.99", 199_900),
        ("0", 0),
        ("-12.5", -125_000),
        ("0.00005", 0),
        ("0.00015", 2),
        ("0.00025", 2),
        ("0.00035", 4),
        ("-0.00015", -2),
        ("0.00005000000000000000000000000000000001", 1),
        ("1.00014999999999999999", 10_001),
        ("1.00015000000000000000", 10_002),
        ("12345678901234.5678", 123_456_789_012_345_678),
        ("-12345678901234.5678", -123_456_789_012_345_678),
        ("99999999999999.9999", 999_999_999_999_999_999),
        ("99999999999999.99994", 999_999_999_999_999_999),
        ("99999999999999", 999_999_999_999_990_000),
        ("123456789012345678e-4", 123_456_789_012_345_678),
        ("1e3", 10_000_000),
        ("1e-300", 0),
    ],
)
def test_rounding_is_half_even_at_the_fourth_place(text: str, due: int) -> None:
    """The same amount as a JSON number, as text, and beside a field that makes the properties be written anew."""
    assert due == _amount(text)
    assert due == _amount(json.dumps(text))
    assert due == _amount(text, extra='"unknown":1,')
    assert due == _amount(text, kind="custom_type")


_places = st.decimals(-(10**14) + 1, 10**14 - 1, allow_nan=False, allow_infinity=False, places=6)


@given(_places | st.decimals(-10, 10, allow_nan=False, allow_infinity=False, places=30))
def test_any_decimal_is_rounded_once_and_exactly(value: Decimal) -> None:
    """Whatever its digits, as a number or as text."""
    text = format(value, "f")
    assert _half_even(text) == _amount(text) == _amount(f'"{text}"')


@given(st.integers(-(10**15), 10**15), st.sampled_from([4, 5, 6]))
def test_ties_and_their_neighbours(scaled: int, places: int) -> None:
    """Amounts at, just above and just below the middle between two ten-thousandths."""
    for tail in ("", "0", "00000000000000000001", "5"):
        text = format(Decimal(scaled).scaleb(-places), "f") + (tail if places else "")
        assert _half_even(text) == _amount(text)


@pytest.mark.parametrize(
    "amount",
    [
        "1e14", "100000000000000", "99999999999999.99995", "-99999999999999.99995", '"99999999999999.99995"', "1e300",
        '"1e999999999"', '"much"', '"1,5"', '"$1"', '"NaN"', '"Infinity"', '" 1"', '"1 "', '"\u0661"', "true", "[]",
        "{}", '"0x10"',
        '"--1"', '"1e"', '"."',
    ],
)  # fmt: skip
def test_what_is_no_amount(amount: str) -> None:
    """A conversion is rejected for it; on another type it is no error and lifts nothing."""
    with pytest.raises(Rejection) as raised:
        _row(amount)
    assert ("bad_amount", "properties.revenue") == (raised.value.code, raised.value.field)
    assert (None, None) == _row(amount, kind="custom_type")[9:11]
    assert (None, None) == _row(amount, kind="email_sent")[9:11]


@pytest.mark.parametrize(
    ("properties", "due"),
    [
        ({}, (None, None)),
        ({"revenue": None, "amount": " ", "value": 1}, (10_000, "USD")),
        ({"value": 1, "amount": 2, "revenue": 3}, (30_000, "USD")),
        ({"amount": 2, "currency": "eur"}, (20_000, "EUR")),
        ({"amount": 2, "currency": "  "}, (20_000, "USD")),
        ({"amount": 2, "currency": None}, (20_000, "USD")),
    ],
)
def test_where_the_amount_is_looked_for(properties: dict[str, Any], due: tuple[int | None, str | None]) -> None:
    """``revenue``, else ``amount``, else ``value``; blank equals missing; the base currency where none is named."""
    assert due == read_money(properties, "USD")


@pytest.mark.parametrize("currency", ["XYZ", "US", "USDD", "u\u017fd", " USD", 840, True, [], {}])
def test_an_unknown_currency(currency: Any) -> None:
    """Letters of other alphabets, numbers and other shapes are none."""
    with pytest.raises(Rejection) as raised:
        read_money({"amount": 1, "currency": currency}, "USD")
    assert ("bad_currency", "properties.currency") == (raised.value.code, raised.value.field)


def test_every_code_in_any_letter_case() -> None:
    """ISO 4217 in capitals, small letters and mixed."""
    for code in CURRENCIES:
        for written in (code, code.lower(), code.title()):
            assert (10_000, code) == read_money({"value": 1, "currency": written}, "USD")
