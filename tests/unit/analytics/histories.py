"""Random histories for the property tests, and a log that holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb
from hypothesis import strategies as st

from appliance.clock import from_datetime
from appliance.events.keys import user_key
from appliance.events.types import KNOWN_TYPES
from appliance.testing import insert_rows, make_row
from tests.unit.analytics.reference import DAY, HOUR, MINUTE, Event, Events

BASE = "USD"
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")

_CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin, an hour forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Berlin, an hour back
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York, forward
    datetime(2026, 11, 1, 6, tzinfo=UTC),  # New York, back
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe, half an hour back
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe, half an hour forward
    datetime(2026, 6, 15, 12, tzinfo=UTC),
)
_LABELS = (None, "human", "proxy", "machine_prefetch", "scanner", "unknown")

instants = st.builds(
    lambda change, shift: from_datetime(change) + shift,
    st.sampled_from(_CHANGES),
    st.one_of(
        st.integers(-30 * HOUR, 30 * HOUR),
        st.integers(-120, 120).map(lambda quarters: quarters * 15 * MINUTE),
        st.just(0),
    ),
)
"""Instants of asking: around every change of clocks of ``ZONES``, on the hour and off it."""

# Before (less than zero) or after the instant of asking.
_distances = st.one_of(
    st.tuples(st.sampled_from([0, HOUR, DAY, 2 * DAY]), st.integers(-1, 1)).map(lambda pair: pair[1] - pair[0]),
    st.integers(-HOUR, 10 * MINUTE),
    st.integers(-50 * HOUR, 0),
    st.integers(-40 * DAY, 0),
    st.integers(-60, 0).map(lambda hours: hours * HOUR),
)


@st.composite
def events(draw: st.DrawFn, as_of: int) -> Event:
    kind = draw(st.sampled_from([*KNOWN_TYPES, "conversion", "email_sent", "email_opened", "page_view"]))
    money = kind in {"conversion", "page_view"} and draw(st.booleans())
    touched = kind in {"email_opened", "email_clicked"}
    return Event(
        type=kind,
        user=f"u{draw(st.integers(0, 5))}",
        at=as_of + draw(_distances),
        session=draw(st.sampled_from([None, "s1", "s2", "s3"])),
        campaign=draw(st.sampled_from([None, "c1", "c2", "(other)"])),
        amount=draw(st.integers(-50_000, 1_000_000)) if money else None,
        currency=draw(st.sampled_from(["USD", "EUR", "JPY"])) if money else None,
        label=draw(st.sampled_from(_LABELS)) if touched else None,
        provider=draw(st.sampled_from([None, "gmail", "yahoo"])),
        link=draw(st.sampled_from([None, "https://a.example/?x='%"])) if kind == "email_clicked" else None,
        properties=draw(
            st.sampled_from([{}, {"plan": "pro"}, {"plan": 1}, {"plan": True}, {"plan": None}, {"a/~b": "x"}])
        ),
    )


@st.composite
def histories(draw: st.DrawFn, most: int = 40) -> tuple[Events, int]:
    """Events in the order in which they came, which is not that of their time, and an instant of asking."""
    as_of = draw(instants)
    history = draw(st.lists(events(as_of), max_size=most))
    # The same again: another event at the same instant is no duplicate.
    again = draw(st.lists(st.sampled_from(history), max_size=3)) if history else []
    return draw(st.permutations(history + again)), as_of


class Log:
    """One log for many examples: filled anew for each."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.cursor = connection.cursor()
        self.cursor.execute("SET TimeZone = 'UTC'")

    @contextmanager
    def holding(self, history: Events, *, rolled_up: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on a log with ``history``, of which the rollups have read the first ``rolled_up`` events."""
        insert_rows(self._connection, [row_of(event) for event in history])
        if rolled_up is not None:
            self._roll_up(history[:rolled_up])
        try:
            yield self.cursor
        finally:
            self._connection.execute("DELETE FROM events; DELETE FROM first_seen; DELETE FROM followers")

    def forget_before(self, instant: int) -> None:
        """Let events expire."""
        self._connection.execute("DELETE FROM events WHERE timestamp < make_timestamp(?)", [instant])

    def _roll_up(self, history: Events) -> None:
        first: dict[tuple[str, str], int] = {}
        for event in history:
            at = first.setdefault((event.user, event.type), event.at)
            first[event.user, event.type] = min(at, event.at)
        rows = [(user_key(user), KNOWN_TYPES.get(kind, 100), at) for (user, kind), at in first.items()]
        if rows:
            self._connection.executemany("INSERT INTO first_seen VALUES (?, ?, make_timestamp(?))", rows)
        self._connection.execute("INSERT INTO followers VALUES ('rollups', ?)", [len(history)])


def row_of(event: Event) -> tuple[object, ...]:
    """The event as the log takes it."""
    return make_row(
        event.type,
        event.user,
        event.at,
        session_id=event.session,
        campaign_id=event.campaign,
        amount=event.amount,
        currency=event.currency,
        label=event.label,
        mailbox_provider=event.provider,
        link=event.link,
        properties=event.properties,
    )
