"""Counting SQL queries."""

from __future__ import annotations

import pytest

from appliance.errors import QueryFailed
from appliance.query.counts import SqlCounts


def test_each_outcome_is_counted_once() -> None:
    """Answers, refusals by code, and none is left running; who hangs up is neither."""
    counts = SqlCounts()
    with counts.one():
        assert 1 == counts.running
    with pytest.raises(QueryFailed), counts.one():
        raise QueryFailed
    with pytest.raises(KeyboardInterrupt), counts.one():
        raise KeyboardInterrupt
    assert ({"answered": 1, "query_failed": 1}, 0) == (dict(counts.outcomes), counts.running)
