"""A hundred thousand bodies made of chance: no crash, no wrong acceptance, the codes of the contract."""

from __future__ import annotations

import pytest

from tests.unit.events.fuzz import BodyFuzz

BODIES = 100_000
SHARDS = 10
SEED = 4


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_decoder_agrees_with_the_reference_on_any_body(shard: int) -> None:
    """Each event is taken with the reference's fields, or refused for one of its reasons."""
    per_shard = BODIES // SHARDS
    numbers = range(shard * per_shard, (shard + 1) * per_shard)
    found = next(BodyFuzz(SEED).faults(numbers), None)
    if found is not None:
        number, wrong, case = found
        pytest.fail(f"body {number} of seed {SEED}: {wrong}\n{case.framing}, {case.encoding}: {case.sent!r}")


def test_a_case_is_the_same_each_time() -> None:
    """The number alone makes the body, so that a failure can be looked at again."""
    assert [BodyFuzz(1).case(number) for number in range(300)] == [BodyFuzz(1).case(number) for number in range(300)]


def test_the_bodies_meet_every_outcome() -> None:
    """Half of what is generated gets through, and each code of a body or an event turns up."""
    fuzz = BodyFuzz(2)
    assert list(fuzz.faults(range(4_000))) == []
    assert fuzz.seen.keys() >= {
        "accepted", "invalid_json", "empty", "not_an_object", "missing_field", "wrong_type", "too_long", "too_deep",
        "too_large", "bad_event_type", "bad_timestamp", "timestamp_too_old", "timestamp_in_future", "bad_amount",
        "bad_currency", "bad_event_id", "bad_encoding", "duplicate_key",
    }  # fmt: skip
    assert 0.4 < fuzz.seen["accepted"] / fuzz.seen.total()
