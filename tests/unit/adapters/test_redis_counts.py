"""What a batch adds to Redis' counters, and what Redis' errors mean."""

from __future__ import annotations

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.adapters.protocol import MirrorError, Misconfigured, Unreachable
from appliance.adapters.redis_counts import counted, named_like_counters
from appliance.adapters.redis_session import meaning
from appliance.clock import DAY_US, HOUR_US, MINUTE_US
from appliance.log.columns import to_table
from appliance.testing import START_US, make_row
from tests.integration.redis_target import recounted

_AGES = st.sampled_from([-MINUTE_US, 0, 1, MINUTE_US, HOUR_US, HOUR_US + 1, DAY_US, DAY_US + 1]) | st.integers(
    0, 2 * DAY_US
)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["u", "u:a", "ü"]), _AGES), min_size=1, max_size=30))
@settings(deadline=None)
def test_counts_are_those_of_a_plain_recount(events: list[tuple[str, str, int]]) -> None:
    """By type and minute for an hour, by user and type for a day, both ends included."""
    rows = [make_row(kind, user, START_US - age) for kind, user, age in events]
    table = to_table(rows, b"\0" * 16 * len(rows), [1] * len(rows), 1)
    counts = counted(table, START_US)
    merged: dict[str, int] = {}
    for key, amount in zip(counts.keys, counts.amounts, strict=True):
        merged[key] = merged.get(key, 0) + amount
    assert recounted(table.to_pylist(), START_US) == merged
    assert all(key.startswith("event:") for key in counts.keys[: counts.minutes])
    assert all(key.startswith("user:") for key in counts.keys[counts.minutes :])


def test_what_is_named_like_a_counter() -> None:
    """Types and minutes in their own form, users in any."""
    counters = [b"event:a:202601010000", b"event:a:b:202601010000", b"user:1:email_sent", b"user:a:b\n:x.y-z"]
    others = [b"event:a:2026", b"event:A:202601010000", b"user:1:", b"user::X", b"users:1:a", b"xuser:1:a"]
    assert counters == named_like_counters([*counters, *others])


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (redis.BusyLoadingError("Redis is loading the dataset in memory"), Unreachable, "reading its data"),
        (redis.ReadOnlyError("You can't write against a read only replica."), Unreachable, "replica"),
        (redis.ResponseError("NOREPLICAS Not enough good replicas to write."), Unreachable, "fewer replicas"),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), Unreachable, "can't save"),
        (
            redis.ResponseError("Error running script (call to f_0): @user_script:1: -OOM command not allowed"),
            Unreachable,
            "memory is full",
        ),
        (redis.AuthenticationError("invalid username-password pair"), Misconfigured, "doesn't allow"),
        (redis.exceptions.NoPermissionError("this user has no permissions"), Misconfigured, "doesn't allow"),
        (redis.ResponseError("unknown command 'EVALSHA'"), Misconfigured, "unknown command"),
        (redis.TimeoutError("Timeout reading from socket"), Unreachable, "in time"),
        (redis.ConnectionError("Connection refused"), Unreachable, "refused"),
        (ConnectionResetError("reset by peer"), Unreachable, "reset"),
    ],
)
def test_what_errors_mean(fault: Exception, kind: type[MirrorError], words: str) -> None:
    """What passes by itself is transient, what somebody must change is not."""
    told = meaning(fault)
    assert kind is type(told)
    assert words in told.message
