from __future__ import annotations

import tracemalloc

import pytest

from appliance.errors import BodyError
from appliance.events.batch import IdempotencyIds, judge, split
from appliance.events.normalise import Intake
from appliance.events.parsed import WireLimits
from appliance.events.row import EventRow
from appliance.testing import START_US

MOST = 50_000
_INTAKE = Intake(START_US, "http", "USD", None, START_US)


@pytest.mark.parametrize(
    ("body", "framing"),
    [
        (b"[" + b"0," * 3_000_000 + b"0]", "json"),
        (b"[" + b'"\\ud800",' * 300_000 + b"0]", "json"),
        (b"00\n" * 3_000_000, "ndjson"),
        (b"0 \r\n" * 1_500_000, "ndjson"),
    ],
)
def test_a_bomb_of_elements_costs_no_memory(body: bytes, framing: str) -> None:
    """Millions of elements in a few bytes each are refused before they are taken apart."""
    tracemalloc.start()
    try:
        with pytest.raises(BodyError) as raised:
            split(body, framing, MOST)  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (413, "too_large") == (raised.value.status, raised.value.code)
    assert peak < 60_000_000


def test_many_blank_lines_are_no_events() -> None:
    """Also where there are too many of them to be split at once."""
    assert [b'{"a":1}', b"2"] == split(b'\n{"a":1}\r' + b"\n \r\n\t" * 1_200_000 + b"\n 2 \n", "ndjson", MOST)


def test_many_commas_are_no_elements() -> None:
    """A legitimate body with a million commas is taken apart the slow way, and the same."""
    wide = b'{"a":[' + b"0," * 30_000 + b"0]}"
    assert [wide] * 40 == split(b"[" + b" , ".join([wide] * 40) + b"]", "json", MOST)


def test_an_idempotency_key_names_the_bytes_and_their_number() -> None:
    """Same sender, key and bytes: same ids; any of them another: other ids."""

    def ids(principal: str, key: str, *raws: bytes) -> list[bytes]:
        made = IdempotencyIds(principal, key)
        return [made.next_id(raw) for raw in raws]

    first = ids("", "k", b"a", b"b", b"a")
    assert 3 == len(set(first))
    assert first == ids("", "k", b"a", b"b", b"a")
    assert [first[1], first[0], first[2]] == ids("", "k", b"b", b"a", b"a")
    for other in (ids("me", "k", b"a", b"b"), ids("", "k2", b"a", b"b"), ids("", "K", b"a", b"b")):
        assert not {*first} & {*other}
    assert ids("a", "b:c", b"x") != ids("a:b", "c", b"x")


def test_rejected_events_keep_their_place_and_bytes() -> None:
    """Index, rejection and dead letter of each; the rows in their order."""
    events = [b"1", b'{"event_type":"x","user_id":1}', b'{"event_type":"x"}', b'{"event_type":"y","user_id":2}']
    judged = judge(events, WireLimits(), _INTAKE)
    assert ["x", "y"] == [EventRow(*row).event_type for row in judged.rows]  # type: ignore[arg-type]
    assert [(0, "not_an_object"), (2, "missing_field")] == [(at, found.code) for at, found in judged.rejected]
    assert [b"1", b'{"event_type":"x"}'] == [letter.payload for letter in judged.dead_letters]
