from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import from_datetime
from appliance.events.timestamps import instant_us
from tests.unit.events.plain_json import Number
from tests.unit.events.plain_time import reads_as

_NOON_US = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("2026-01-31T12:00:00Z", _NOON_US),
        ("2026-01-31t12:00:00z", _NOON_US),
        ("2026-01-31 12:00", _NOON_US),
        ("2026-01-31T12:00:00", _NOON_US),
        ("2026-01-31T14:00:00+02:00", _NOON_US),
        ("2026-01-31T06:30:00-0530", _NOON_US),
        ("2026-01-31T13:00:00+01", _NOON_US),
        ("20260131T120000Z", _NOON_US),
        ("2026-01-31", _NOON_US - 12 * 3_600_000_000),
        ("2026-01-31T12:00:00.5Z", _NOON_US + 500_000),
        ("2026-01-31T12:00:00.000001Z", _NOON_US + 1),
        ("2026-01-31T12:00:00.1234569999Z", _NOON_US + 123_456),
        ("2026-01-31T12:00:00,25Z", _NOON_US + 250_000),
    ],
)
def test_iso_text(text: str, due: int) -> None:
    """No offset is UTC; what is finer than a microsecond is cut off."""
    assert due == instant_us(text)


@pytest.mark.parametrize(
    ("number", "due"),
    [
        (0, 0),
        (-1, -1_000_000),
        (1_769_860_800, _NOON_US),
        (1_769_860_800.123456, _NOON_US + 123_456),
        (1_769_860_800_123, _NOON_US + 123_000),
        (1_769_860_800_123.456, _NOON_US + 123_456),
        (1_769_860_800_123_456, _NOON_US + 123_456),
        (99_999_999_999, 99_999_999_999_000_000),
        (100_000_000_000, 100_000_000_000_000),
        (99_999_999_999_999, 99_999_999_999_999_000),
        (100_000_000_000_000, 100_000_000_000_000),
    ],
)
def test_numbers(number: float, due: int) -> None:
    """Below 1e11 seconds, below 1e14 milliseconds, else microseconds."""
    assert due == instant_us(number)


@pytest.mark.parametrize(
    "value",
    [
        "", "now", "1769860800", "2026-02-29", "2026-13-01", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:60Z", "2026-01-31T12.5Z", "2026-01-31T12:00,5Z", "2026-01-31T12:00:00.Z", "2026-W05-6",
        "2026-031", "2026-01-31T12:00:00+05:99", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00ZZ", " 2026-01-31",
        "2026-01-31T12:00:00Z\n", "2026-01-31X12:00:00Z",
        "\u0662\u0660\u0662\u0666-\u0660\u0661-\u0663\u0661", "2026-01-31T12:00:00.1234567:00Z",
        "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", True, None, [], {}, -(10**30), 10**30, 1e300,
    ],
)  # fmt: skip
def test_what_states_no_instant(value: object) -> None:
    """Refused: no ISO 8601 of a calendar date, no number, or outside of the years 1 to 9999."""
    with pytest.raises((ValueError, OverflowError)):
        instant_us(value)


@given(st.datetimes(timezones=st.timezones()), st.sampled_from(["auto", "seconds", "milliseconds"]))
def test_every_moment_that_python_writes_is_read(moment: object, precision: str) -> None:
    """The instant of ``isoformat`` in any zone, up to its precision."""
    text = moment.isoformat(timespec=precision)  # type: ignore[attr-defined]
    reading = reads_as(text)
    if reading is None or reading.is_exotic:
        return  # offsets with seconds, and moments whose UTC is in no calendar
    assert 0 <= from_datetime(moment) - instant_us(text) < 1_000_000  # type: ignore[arg-type]


def test_damaged_text_is_read_as_by_the_reference() -> None:
    """A hundred thousand texts a character or two away from a timestamp."""
    rng = random.Random(5)
    usual = (
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.123Z",
        "2026-01-31T12:00:00.123456Z",
        "2026-01-31T12:00:00.1234567890+01:00",
        "20260131T120000Z",
    )
    for _ in range(100_000):
        text = list(rng.choice(usual))
        for _ in range(rng.choice((1, 1, 2, 3))):
            at = rng.randrange(len(text))
            text[at : at + rng.choice((0, 1, 1, 2))] = rng.choice("0123456789:-+.,TZtz W/é\u0663")
        _compare("".join(text))


def _compare(text: str) -> None:
    reading = reads_as(text)
    try:
        got = instant_us(text)
    except (ValueError, OverflowError):
        assert reading is None or reading.is_exotic, text
    else:
        assert reading is not None, text
        assert reading.first_us <= got <= reading.last_us, text


@given(st.integers(-(10**16), 10**16) | st.floats(-1e15, 1e15))
def test_any_number_is_read_as_by_the_reference(number: float) -> None:
    """Within the microsecond that the exact decimal lies in, as far as a double can say."""
    reading = reads_as(Number(repr(number)))
    assert reading is not None
    if reading.is_exotic:
        return
    slack = 0 if isinstance(number, int) else 1 + abs(reading.first_us) >> 52
    assert reading.first_us - slack <= instant_us(number) <= reading.last_us + slack
