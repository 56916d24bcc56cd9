"""The cage: what is allowed gives what DuckDB gives, and what goes too far is ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import msgspec
import pytest

from appliance.clock import SystemClock
from appliance.errors import ApplianceError, LogUnavailable, Overloaded, QueryFailed, QueryNotAllowed, QueryTimeout
from appliance.log.duckdb_log import DuckDBLog, LogOptions
from appliance.log.group import Group
from appliance.log.protocol import Batch
from appliance.query.decoding import decode_answer
from appliance.query.pool import SqlOptions, SqlPool, size_bytes
from appliance.testing import make_row
from tests.unit.query.attacks import BOMBS, NOT_ALLOWED
from tests.unit.query.conftest import EVENTS
from tests.unit.query.legitimate import QUERIES

_VIEWS = {
    "events": "event_id, event_type, user_id, session_id, campaign_id, timestamp, received_at, amount, currency, "
    "bounce_type, link, mailbox_provider, label, source, properties",
    "rollup_minute": "start, event_type, campaign_id, currency, events, amount",
    "rollup_hour": "start, event_type, campaign_id, currency, events, amount",
    "rollup_day": "start, event_type, campaign_id, currency, events, amount",
}
ENDLESS = "SELECT count(*) FROM range(100000000000) a(i), range(100000) b(j) WHERE i + j < 0"


@pytest.fixture(scope="module")
def plain(log: DuckDBLog) -> Iterator[duckdb.DuckDBPyConnection]:
    """Plain DuckDB with a copy of what the contract's views show."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for view, columns in _VIEWS.items():
            with log.reader() as cursor:
                found = cursor.execute(f"SELECT {columns} FROM {view}").to_arrow_table()
            connection.register("found", found)
            connection.execute(f"CREATE TABLE {view} AS SELECT * FROM found")
            connection.unregister("found")
        connection.execute("ALTER TABLE events ALTER event_id TYPE UUID")
        yield connection


def _ask(pool: SqlPool, sql: str) -> dict[str, Any]:
    return decode_answer(msgspec.json.encode(asyncio.run(pool.run(sql))))


def _rows(pool: SqlPool, sql: str) -> list[list[Any]]:
    rows: list[list[Any]] = _ask(pool, sql)["rows"]
    return rows


def _interval(value: timedelta) -> str:
    seconds = Decimal(value.seconds) + Decimal(value.microseconds) / 1_000_000
    return f"P{f'{value.days}D' if value.days else ''}{f'T{seconds}S' if seconds else ''}"


_SHAPES: dict[type, Callable[[Any], Any]] = {
    float: lambda value: Decimal(repr(value)),
    datetime: lambda value: value.replace(tzinfo=None).isoformat() + "Z",
    date: date.isoformat,
    UUID: str,
    timedelta: _interval,
    dict: lambda value: {name: _as_json(inner) for name, inner in value.items()},
    list: lambda value: [_as_json(inner) for inner in value],
    tuple: lambda value: [_as_json(inner) for inner in value],
}


def _as_json(value: Any) -> Any:
    """A value of DuckDB's Python library as the answer shows it."""
    return _SHAPES.get(type(value), lambda same: same)(value)


# what differs only in the shape that either library gives to an interval or to a struct without names
_ELSEWHERE = {"intervals", "structs", "lag"}


@pytest.mark.parametrize("name", [name for name in QUERIES if name not in _ELSEWHERE])
def test_an_answer_is_that_of_plain_duckdb(name: str, pool: SqlPool, plain: duckdb.DuckDBPyConnection) -> None:
    """Names, types and rows are the same, in JSON's shape."""
    answer = _ask(pool, QUERIES[name])
    plain.execute(QUERIES[name])
    columns = [{"name": column[0], "type": str(column[1])} for column in plain.description or ()]
    assert columns == answer["columns"]
    assert _as_json(plain.fetchall()) == answer["rows"]
    assert (len(answer["rows"]), False) == (answer["row_count"], answer["truncated"])


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("'2026-01-31 12:00:00.5'::TIMESTAMP", "2026-01-31T12:00:00.500000Z"),
        ("'2026-01-31 12:00:00+02'::TIMESTAMPTZ", "2026-01-31T10:00:00Z"),
        ("'2026-01-31 12:00:00.123456789'::TIMESTAMP_NS", "2026-01-31T12:00:00.123456Z"),
        ("['infinity'::TIMESTAMP, '290000-01-01'::TIMESTAMP]", [None, None]),
        ("['infinity'::DATE, '2026-02-28'::DATE]", [None, "2026-02-28"]),
        ("['12:34:56'::TIME, '24:00:00'::TIME, '00:00:00.25'::TIME]", ["12:34:56", "24:00:00", "00:00:00.25"]),
        ("INTERVAL '1 year 2 months -3 days 4.5 seconds'", "P14M-3DT4.5S"),
        ("INTERVAL '0' SECOND", "PT0S"),
        ("INTERVAL '-1.25' SECOND", "PT-1.25S"),
        ("['nan'::DOUBLE, 'inf'::DOUBLE, 1.5::DOUBLE]", [None, None, Decimal("1.5")]),
        ("12345678901234567890.1234::DECIMAL(38, 4)", Decimal("12345678901234567890.1234")),
        ("170141183460469231731687303715884105727::HUGEINT", 170141183460469231731687303715884105727),
        ("'\\x00\\xFF'::BLOB", "AP8="),
        ("'12345678-1234-1234-1234-123456789abc'::UUID", "12345678-1234-1234-1234-123456789abc"),
        ("[{'a': [1, NULL], 'b': NULL}, NULL]", [{"a": [1, None], "b": None}, None]),
        ("map {'x': DATE '2026-01-01'}", {"x": "2026-01-01"}),
        ("map {1: 'x', 2: NULL}", [[1, "x"], [2, None]]),
        ("row(1, TIMESTAMP '2026-01-01')", [1, "2026-01-01T00:00:00Z"]),
        ("[true, NULL]", [True, None]),
        ("NULL", None),
        ("'{\"a\": 1}'::JSON", '{"a": 1}'),
        ("'ü\\u0000'", "ü\\u0000"),
    ],
)
def test_values_as_json(pool: SqlPool, sql: str, expected: object) -> None:
    """Every kind of value has one shape in an answer."""
    assert [[expected]] == _rows(pool, f"SELECT {sql}")


def test_columns_of_one_name_are_both_there(pool: SqlPool) -> None:
    """An answer is rows of values, so no column covers another."""
    answer = _ask(pool, "SELECT 1 AS a, 'x' AS a")
    assert [{"name": "a", "type": "INTEGER"}, {"name": "a", "type": "VARCHAR"}] == answer["columns"]
    assert [[1, "x"]] == answer["rows"]


def test_an_answer_ends_at_its_bounds(pool: SqlPool, log: DuckDBLog) -> None:
    """Rows beyond ``max_rows`` or ``max_bytes`` are cut off, and the answer says so; what fits exactly isn't cut."""
    cut = _ask(pool, "SELECT * FROM range(100000000000)")
    assert (2_000, True) == (cut["row_count"], cut["truncated"])
    exact = _ask(pool, "SELECT * FROM range(2000)")
    assert (2_000, False) == (exact["row_count"], exact["truncated"])
    small = SqlPool(log, SqlOptions(max_bytes=1_000))
    try:
        answer = _ask(small, "SELECT repeat('x', 90) FROM range(1000)")
        assert (10, True) == (answer["row_count"], answer["truncated"])
        assert ([], True) == ((big := _ask(small, "SELECT repeat('x', 999)"))["rows"], big["truncated"])
    finally:
        small.close()


@pytest.mark.parametrize("sql", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_ended(log: DuckDBLog, bomb_pool: SqlPool, sql: str) -> None:
    """It takes too long or too much; the next query is answered as ever."""
    with pytest.raises((QueryTimeout, QueryFailed)):
        asyncio.run(bomb_pool.run(sql))
    assert [[EVENTS]] == _rows(bomb_pool, "SELECT count(*) FROM events")


@pytest.fixture(scope="module")
def bomb_pool(log: DuckDBLog) -> Iterator[SqlPool]:
    pool = SqlPool(log, SqlOptions(timeout_seconds=1, memory_bytes=64_000_000))
    yield pool
    pool.close()


def test_the_message_names_the_setting(bomb_pool: SqlPool) -> None:
    """Whoever is stopped by a bound learns which one it was."""
    with pytest.raises(QueryTimeout, match=r"query\.timeout_seconds"):
        asyncio.run(bomb_pool.run(ENDLESS))
    with pytest.raises(QueryFailed, match=r"query\.memory_limit"):
        asyncio.run(bomb_pool.run("SELECT list(i) FROM range(100000000000) t(i)"))


def test_a_query_ends_with_its_caller(log: DuckDBLog) -> None:
    """When nobody waits any more its thread is free for the next at once."""
    pool = SqlPool(log, SqlOptions(timeout_seconds=600, concurrency=1))

    async def leave() -> list[msgspec.Raw]:
        asked = asyncio.ensure_future(pool.run(ENDLESS))
        await asyncio.sleep(0.2)
        asked.cancel()
        return (await pool.run("SELECT 1")).rows

    try:
        assert [b"[1]"] == [bytes(row) for row in asyncio.run(leave())]
    finally:
        pool.close()


def test_only_so_many_wait(log: DuckDBLog) -> None:
    """Beyond the bound the answer is ``Overloaded`` at once; closing ends those that run and those that wait."""
    pool = SqlPool(log, SqlOptions(timeout_seconds=600, concurrency=1))

    async def crowd() -> list[object]:
        asked = [asyncio.ensure_future(pool.run(ENDLESS)) for _ in range(5)]
        await asyncio.sleep(0.2)
        with pytest.raises(Overloaded):
            await pool.run("SELECT 1")
        pool.close()
        return list(await asyncio.gather(*asked, return_exceptions=True))

    assert [LogUnavailable] * 5 == [type(outcome) for outcome in asyncio.run(crowd())]
    with pytest.raises(LogUnavailable):
        asyncio.run(pool.run("SELECT 1"))


def test_a_failure_is_told_in_one_line(pool: SqlPool) -> None:
    """What DuckDB says of a statement reaches its author, and nothing about the machine does."""
    for sql, words in {
        "SELECT nobody FROM events": "nobody",
        "SELECT 'x'::INTEGER": "Could not convert",
        "SELECT seq FROM events": "seq",
        "SELECT 1 FROM events WHERE user_id > (SELECT user_id FROM events)": "subquery",
    }.items():
        with pytest.raises(QueryFailed, match=words) as failure:
            asyncio.run(pool.run(sql))
        assert "\n" not in failure.value.message


def test_a_log_that_was_opened_anew_is_read_on(tmp_path: Path) -> None:
    """After a fatal fault, when the file is opened again, the cage is made again too."""
    log = DuckDBLog(tmp_path, SystemClock())
    pool = SqlPool(log)
    try:
        log.append([Batch([make_row(), make_row()])])
        assert [[2]] == _rows(pool, "SELECT count(*) FROM events")
        log.database.reopen()
        assert [[2]] == _rows(pool, "SELECT count(*) FROM events")
    finally:
        pool.close()
        log.close()


def test_the_engine_is_locked_too(tmp_path: Path) -> None:
    """Were a statement judged wrongly, it would find no file, no setting to change, and no table of the log by name."""
    (tmp_path / "secret.csv").write_text("secret\n")
    log = DuckDBLog(tmp_path / "data", SystemClock())
    pool = SqlPool(log)
    try:
        with pool._cage.cursor(lambda: None) as cursor:
            for sql in (
                f"SELECT * FROM read_text('{tmp_path}/secret.csv')",
                f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
                f"ATTACH '{tmp_path}/other.db'",
                "SET enable_external_access = true",
                "RESET lock_configuration",
                "SELECT * FROM dead_letters",
                "SELECT * FROM secret",
                "DELETE FROM events",
                "CREATE TABLE made (a INTEGER)",
                "LOAD httpfs",
            ):
                with pytest.raises(duckdb.Error):
                    cursor.execute(sql).fetchall()
                cursor.execute("ROLLBACK; BEGIN TRANSACTION READ ONLY")
        assert ["data", "secret.csv"] == sorted(path.name for path in tmp_path.iterdir())
    finally:
        pool.close()
        log.close()


@pytest.mark.parametrize("memory_bytes", [96_000_000, 10**12], ids=["watched", "unwatched"])
def test_no_query_takes_the_writers_memory(tmp_path: Path, memory_bytes: int) -> None:
    """Events are stored while queries ask for more memory than there is, even when the watch comes too late."""
    log = DuckDBLog(tmp_path, SystemClock(), LogOptions(memory_limit="256MB"))
    pool = SqlPool(log, SqlOptions(timeout_seconds=2, memory_bytes=memory_bytes))
    hungry = [BOMBS[name] for name in ("a-sort", "many-groups", "a-list", "a-hash-join", "a-window", "a-text")]
    ended = threading.Event()

    async def eat() -> list[object]:
        return list(await asyncio.gather(*(pool.run(sql) for sql in hungry), return_exceptions=True))

    def run() -> None:
        outcomes.extend(asyncio.run(eat()))
        ended.set()

    outcomes: list[object] = []
    eating = threading.Thread(target=run)
    eating.start()
    try:
        stored = 0
        while not ended.is_set():
            stored += log.append([Batch([make_row() for _ in range(500)])])[0].accepted
        assert [[stored]] == _rows(pool, "SELECT count(*) FROM events")
        assert stored > 0
        assert all(isinstance(outcome, ApplianceError) for outcome in outcomes)
        assert len(hungry) == len(outcomes)
    finally:
        eating.join()
        pool.close()
        log.close()


def test_a_query_makes_room_for_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a commit finds no memory, running queries are ended, and the same commit is tried again and succeeds."""
    log = DuckDBLog(None, SystemClock())
    pool = SqlPool(log)
    written: list[object] = []
    write = Group.write

    def short_of_memory(group: Group, *arguments: Any) -> None:
        written.append(group)
        if len(written) == 1:
            raise duckdb.OutOfMemoryException("no memory")
        write(group, *arguments)

    async def during() -> ApplianceError:
        asked = asyncio.ensure_future(pool.run(ENDLESS))
        await asyncio.sleep(0.3)
        (receipt,) = await asyncio.to_thread(log.append, [Batch([make_row()])])
        assert 1 == receipt.accepted
        with pytest.raises(QueryFailed, match="events needed the memory") as failure:
            await asked
        return failure.value

    monkeypatch.setattr(Group, "write", short_of_memory)
    try:
        assert asyncio.run(during())
        assert 2 == len(written)
        assert [[1]] == _rows(pool, "SELECT count(*) FROM events")
    finally:
        pool.close()
        log.close()


def test_no_thread_is_added_while_a_query_runs(pool: SqlPool, log: DuckDBLog) -> None:
    """A checkpoint's second thread would take over a part of the query, and hold the writer up until that has ended."""

    async def during(look: Callable[[], object]) -> object:
        asked = asyncio.ensure_future(pool.run(ENDLESS))
        await asyncio.sleep(0.3)
        seen = await asyncio.to_thread(look)
        asked.cancel()
        return seen

    assert 1 == asyncio.run(during(lambda: _threads_within(log)))
    assert log.database.long_readers.wait(10)
    # the watch may still be taking its last look
    assert any(_threads_within(log) == 2 for _ in range(1_000))


def _threads_within(log: DuckDBLog) -> int:
    cursor = log.database.cursor()
    with log.database.more_threads(cursor):
        return int(cursor.execute("SELECT current_setting('threads')").fetchall()[0][0])


def test_refused_before_it_waits(pool: SqlPool) -> None:
    """What may not run is told so by the pool as by the judge."""
    with pytest.raises(QueryNotAllowed):
        asyncio.run(pool.run(NOT_ALLOWED["statements:delete"]))


@pytest.mark.parametrize(
    ("text", "size"), [("192MB", 192_000_000), ("1GiB", 1 << 30), ("1.5 KiB", 1_536), ("2TB", 2 * 10**12)]
)
def test_sizes(text: str, size: int) -> None:
    """Units of a thousand and of 1,024, as settings write them."""
    assert size == size_bytes(text)
