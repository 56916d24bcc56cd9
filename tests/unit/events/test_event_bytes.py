"""One event's bytes have a bound, since in memory its values could take fifty times as much."""

from __future__ import annotations

import json

import pytest

from appliance.events.parsed import WireLimits
from appliance.events.rejection import Rejection
from appliance.events.wire import parse_event

LIMITS = WireLimits()
BEGIN = b'{"event_type":"x","user_id":"u",'


@pytest.mark.parametrize("value", [b'"a":[' + b"[]," * 200_000 + b"1]", b'"received_at":"' + b"a" * 400_000 + b'"'])
def test_an_event_of_too_many_bytes_is_refused(value: bytes) -> None:
    """It is told as a whole, and nothing of it is parsed."""
    with pytest.raises(Rejection) as refused:
        parse_event(BEGIN + value + b"}", LIMITS)
    assert ("too_large", None) == (refused.value.code, refused.value.field)


def test_blanks_count_for_nothing() -> None:
    """Indented by a megabyte it is the same event."""
    assert "x" == parse_event(BEGIN + b" " * 1_000_000 + b'"properties":{}}', LIMITS).event_type


def test_the_largest_event_fits() -> None:
    """Properties, unknown fields in escapes, and ids in escapes, each as long as it may be, are within the bound."""
    escaped = "\\u0041"
    properties = json.dumps({"a": "b" * 32_750})
    unknown = escaped * 32_750
    ids = ",".join(f'"{name}":"{escaped * 200}"' for name in ("session_id", "campaign_id", "event_id"))
    raw = f'{{"event_type":"x","user_id":"{escaped * 200}",{ids},"more":"{unknown}","properties":{properties}}}'
    assert LIMITS.most_event_bytes * 0.7 < len(raw)
    assert "A" * 200 == parse_event(raw.encode(), LIMITS).user_id
