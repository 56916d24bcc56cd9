"""Reader threads against a file that is closed or opened anew meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from appliance.errors import LogUnavailable
from appliance.log.database import Database

_SLOW = "SELECT sum(hash(a.i) % 7) FROM range(200_000_000) AS a(i)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path)
    yield made
    made.close()


def test_a_running_query_is_ended_by_a_reopening(database: Database) -> None:
    """A reader at work is interrupted, hears that the log is unavailable, and reads on afterwards."""
    began, reopened = threading.Event(), threading.Event()

    def read() -> str:
        try:
            with database.reader() as cursor:
                began.set()
                cursor.execute(_SLOW).fetchall()
        except LogUnavailable:
            assert reopened.wait(10)
            with database.reader() as cursor:
                return str(cursor.execute("SELECT 'read on'").fetchall()[0][0])
        return "not interrupted"

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(read)
        assert began.wait(10)
        time.sleep(0.05)
        database.reopen()
        reopened.set()

        assert "read on" == answer.result(30)


def test_readers_survive_many_reopenings(database: Database) -> None:
    """Threads that read without a pause see answers or ``LogUnavailable``, and nothing else, ever."""
    stop = threading.Event()

    def read_on() -> int:
        answers = 0
        while not stop.is_set():
            try:
                with database.reader() as cursor:
                    answers += cursor.execute("SELECT 1").fetchall() == [(1,)]
            except LogUnavailable:
                continue
        return answers

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read_on) for _ in range(4)]
        for _ in range(30):
            database.reopen()
        stop.set()

        assert all(reader.result(10) > 0 for reader in readers)


def test_a_fatal_fault_seen_when_a_thread_reads_first_is_noticed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new reader on a broken instance gets ``LogUnavailable``, and the instance is marked for reopening."""

    def broken(_cursor: duckdb.DuckDBPyConnection) -> None:
        raise duckdb.FatalException("the database has been invalidated")

    monkeypatch.setattr("appliance.log.database._prepare", broken)
    with ThreadPoolExecutor(1) as pool, pytest.raises(LogUnavailable):
        pool.submit(lambda: database.reader().__enter__()).result()

    assert database.invalidated


def test_closing_gives_up_on_a_reader_that_does_not_let_go(database: Database) -> None:
    """With a bound on its patience it says so instead of waiting for ever, and no cursor is closed under anyone."""
    inside, let_go = threading.Event(), threading.Event()

    def hold() -> int:
        with database.reader() as cursor:
            inside.set()
            let_go.wait(30)
            return int(cursor.execute("SELECT 1").fetchall()[0][0])

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        assert inside.wait(10)

        assert not database.close(patience_seconds=0.2)
        let_go.set()
        assert 1 == holding.result(10)
