"""The control store: one database a thread, migrated once, closed whole."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.store.control import ControlStore
from appliance.store.ledger import DETAIL_LENGTH, JobLedger, JobRun


def run(name: str = "rollups", number: int = 1, detail: str = "") -> JobRun:
    return JobRun(name, number, number + 5, "done", detail)


def test_what_was_recorded_is_there_after_reopening(tmp_path: Path) -> None:
    """The ledger is kept in the file, and opening it again changes nothing."""
    with ControlStore(tmp_path / "control.db") as store:
        JobLedger(store).record(run())
    with ControlStore(tmp_path / "control.db") as store:
        assert [run()] == JobLedger(store).recent()


def test_the_ledger_is_bounded_for_each_job(tmp_path: Path) -> None:
    """A job that runs often doesn't push out the runs of a rare one."""
    with ControlStore(tmp_path / "control.db") as store:
        ledger = JobLedger(store, kept=3)
        ledger.record(run("rare"))
        for number in range(10):
            ledger.record(run("often", number))
        assert [run("often", 9), run("often", 8), run("often", 7), run("rare")] == ledger.recent()
        assert [run("rare")] == ledger.recent("rare")


def test_long_details_are_cut(tmp_path: Path) -> None:
    """A detail of any length takes bounded room."""
    with ControlStore(tmp_path / "control.db") as store:
        ledger = JobLedger(store)
        ledger.record(run(detail="x" * 10_000))
        assert DETAIL_LENGTH == len(ledger.recent()[0].detail)


def test_threads_write_at_once(tmp_path: Path) -> None:
    """Eight threads that record at the same time lose nothing, each with its own database."""
    with ControlStore(tmp_path / "control.db") as store:
        ledger = JobLedger(store)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: ledger.record(run(f"job{number % 8}", number)), range(160)))
        assert set(range(160)) == {found.started_us for found in ledger.recent(limit=1_000)}


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """What is written together is stored as a whole or not at all."""
    with ControlStore(tmp_path / "control.db") as store:

        def write_both() -> None:
            with store.writing() as database:
                database.execute("INSERT INTO job_runs VALUES (1, 'a', 1, 1, 'done', '')")
                database.execute("INSERT INTO job_runs VALUES (2, NULL, 1, 1, 'done', '')")

        with pytest.raises(sqlite3.IntegrityError):
            write_both()
        assert [] == JobLedger(store).recent()
        JobLedger(store).record(run())


def test_a_closed_store_is_not_opened_again(tmp_path: Path) -> None:
    """A thread that comes late gets an error, not a database that nobody closes."""
    store = ControlStore(tmp_path / "control.db")
    store.close()
    with ThreadPoolExecutor(1) as pool, pytest.raises(sqlite3.ProgrammingError, match="closed"):
        pool.submit(store.database).result()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at the open files as Linux lists them")
def test_threads_that_have_ended_leave_nothing_open(tmp_path: Path) -> None:
    """Worker threads come and go for months: what each opened is closed when another opens."""

    def open_files() -> int:
        targets = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum(target.name.startswith("control.db") for target in targets)

    with ControlStore(tmp_path / "control.db") as store:
        for number in range(30):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(JobLedger(store).record, run(number=number)).result()
        assert open_files() <= 6
        assert 30 == len(JobLedger(store).recent())


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A foreign file is left as it is."""
    path = tmp_path / "control.db"
    path.write_text("no database, but long enough to have a header of a hundred bytes" * 4, encoding="utf-8")
    with pytest.raises(sqlite3.DatabaseError):
        ControlStore(path)
    assert path.read_text(encoding="utf-8").startswith("no database")


def test_importing_the_store_is_light() -> None:
    """Neither pandas nor sqlite_utils is imported before a store is opened."""
    code = "import sys, appliance.store.ledger; print({'pandas', 'sqlite_utils'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()" == done.stdout.strip()
