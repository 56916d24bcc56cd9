from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.analytics.measures import ACTIVE_SQL, Measure, condition_sql
from appliance.analytics.reading import one_snapshot
from appliance.analytics.rounding import money, rounded
from appliance.events.types import KNOWN_TYPES, MACHINE_LABELS, PASSIVE_TYPES
from appliance.testing import bare_log, insert_rows, make_row
from tests.unit.analytics.histories import Log
from tests.unit.analytics.reference import half_even

TYPE_OF = {
    Measure.SENDS: "email_sent",
    Measure.OPENS: "email_opened",
    Measure.CLICKS: "email_clicked",
    Measure.BOUNCES: "email_bounced",
    Measure.REFERRALS: "referral_made",
    Measure.CONTEST_JOINS: "contest_joined",
    Measure.CONVERSIONS: "conversion",
    Measure.ERRORS: "error",
    Measure.API_REQUESTS: "api_request",
}
LABELS = (None, "human", "proxy", "unknown", *sorted(MACHINE_LABELS))


def test_the_keys_in_the_sql_are_those_of_the_types(log: Log) -> None:
    """Each counting measure's condition holds for the one type it is named after, and for no other."""
    for measure, event_type in TYPE_OF.items():
        sql = f"SELECT type_key FROM (SELECT unnest(?::USMALLINT[]) AS type_key) WHERE {condition_sql(measure)}"
        found = log.cursor.execute(sql, [[*KNOWN_TYPES.values(), 100]]).fetchall()
        assert [(KNOWN_TYPES[event_type],)] == found


@pytest.mark.parametrize("label", LABELS)
def test_active_is_what_the_types_say(log: Log, label: str | None) -> None:
    """Passive types are never active; opens and clicks are unless labelled as a machine's; others always."""
    keys = {**KNOWN_TYPES, "page_view": 100}
    sql = f"SELECT type_key FROM (SELECT unnest(?::USMALLINT[]) AS type_key, ?::VARCHAR AS label) WHERE {ACTIVE_SQL}"
    found = {row[0] for row in log.cursor.execute(sql, [list(keys.values()), label]).fetchall()}
    passive = set(PASSIVE_TYPES) | ({"email_opened", "email_clicked"} if label in MACHINE_LABELS else set())
    assert {key for name, key in keys.items() if name not in passive} == found


@given(value=st.fractions(), places=st.integers(0, 4))
def test_rounding_equals_long_division(value: object, places: int) -> None:
    """Half to even, exactly, for any fraction."""
    assert half_even(value, places) == rounded(value, places)  # type: ignore[arg-type]


def test_money_has_its_four_places() -> None:
    """Ten-thousandths become the decimal number they stand for."""
    assert [0.0, 0.0001, -19.99, 12.3456] == [money(n) for n in (0, 1, -199_900, 123_456)]


def test_statements_within_one_snapshot_see_the_same_log() -> None:
    """What is committed between two statements shows only in the next snapshot."""
    with bare_log() as connection:
        cursor = connection.cursor()
        with one_snapshot(cursor):
            assert [(0,)] == _count(cursor)
            insert_rows(connection, [make_row()])
            assert [(0,)] == _count(cursor)
        with one_snapshot(cursor):
            assert [(1,)] == _count(cursor)


def test_a_failure_within_a_snapshot_leaves_the_cursor_usable(log: Log) -> None:
    """After an error the transaction is over, and the next reading works."""
    with pytest.raises(duckdb.Error), one_snapshot(log.cursor):
        log.cursor.execute("SELECT 1 / 'x'::INTEGER")
    with one_snapshot(log.cursor):
        assert [(0,)] == _count(log.cursor)


def _count(cursor: duckdb.DuckDBPyConnection) -> list[tuple[int]]:
    return cursor.execute("SELECT count(*) FROM events").fetchall()
