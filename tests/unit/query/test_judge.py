"""What may run is judged before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import QueryNotAllowed
from appliance.query.functions import ADDING, AGGREGATES, BOUNDED, FUNCTIONS, LENGTHENING, REPLACING, TABLE_FUNCTIONS
from appliance.query.judge import Judge
from tests.unit.query.attacks import BOMBS, NOT_ALLOWED
from tests.unit.query.legitimate import QUERIES


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    judge = Judge()
    yield judge
    judge.close()


@pytest.mark.parametrize("sql", NOT_ALLOWED.values(), ids=NOT_ALLOWED)
def test_an_attack_is_refused(judge: Judge, sql: str) -> None:
    """Whatever it is dressed as, it never gets to run, and the refusal says more than its code."""
    with pytest.raises(QueryNotAllowed) as refusal:
        judge.judge(
            sql.format(secret="/etc/passwd", target="/tmp/x") if "{secret}" in sql or "{target}" in sql else sql
        )
    assert len(refusal.value.message) > 10


def test_there_are_many_attacks() -> None:
    """The list doesn't shrink unnoticed."""
    assert len(NOT_ALLOWED) + len(BOMBS) >= 200


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES)
def test_what_analysts_write_may_run(judge: Judge, sql: str) -> None:
    """A legitimate query passes as it is."""
    assert sql.strip().rstrip(";").strip() in judge.judge(sql).sql


@given(st.text(max_size=60))
def test_any_text_is_judged(text: str) -> None:
    """Random text is refused or read as a statement; nothing else comes of it."""
    judge = _shared()
    try:
        judge.judge(text)
        judge.judge(f"SELECT '{text}' FROM events /* {text} */")
    except QueryNotAllowed:
        return


def _shared() -> Judge:
    if not _JUDGES:
        _JUDGES.append(Judge())
    return _JUDGES[0]


_JUDGES: list[Judge] = []


def test_every_allowed_function_exists() -> None:
    """A slip of the pen, or a name that DuckDB has dropped, is noticed."""
    with duckdb.connect() as connection:
        known = {name for (name,) in connection.execute("SELECT function_name FROM duckdb_functions()").fetchall()}
    assert set() == (FUNCTIONS | TABLE_FUNCTIONS) - known
    assert set() == (ADDING | REPLACING | BOUNDED | set(LENGTHENING) | AGGREGATES) - FUNCTIONS


def test_no_allowed_function_changes_anything() -> None:
    """Of those that DuckDB says have side effects only the random number is allowed."""
    with duckdb.connect() as connection:
        volatile = connection.execute("SELECT function_name FROM duckdb_functions() WHERE has_side_effects").fetchall()
    assert {"random"} == FUNCTIONS & {name for (name,) in volatile}
