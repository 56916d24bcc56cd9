"""Faults around a commit: whatever raises, the log neither acknowledges what isn't stored nor stores twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from appliance.clock import DAY_US
from appliance.errors import LogUnavailable, StorageFull
from appliance.events.rejection import DeadLetter
from appliance.log.database import Database
from appliance.log.duckdb_log import DuckDBLog, LogOptions
from appliance.log.group import Group, Incoming
from appliance.log.known_ids import KnownIds
from appliance.log.protocol import Batch
from appliance.testing import START_US, SettableClock, make_row

_LETTER = DeadLetter(START_US, "http", "wrong_type", "user_id", "send text", b"{}")


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def log(tmp_path: Path, clock: SettableClock) -> Iterator[DuckDBLog]:
    made = DuckDBLog(tmp_path / "data", clock)
    yield made
    made.close()


def _count(log: DuckDBLog, table: str = "events") -> int:
    with log.reader() as cursor:
        return int(cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _fail_before_commit(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """Let a group write everything but its COMMIT, and raise there."""

    def write(group: Any, cursor: duckdb.DuckDBPyConnection, incoming: Any) -> None:
        incoming.attend(cursor)
        cursor.execute("BEGIN")
        incoming.insert(cursor, "incoming_events", group.events, "append_events")
        raise fault

    monkeypatch.setattr(Group, "write", write)


@pytest.mark.parametrize("fault", [MemoryError(), RuntimeError("Query interrupted"), duckdb.OutOfMemoryException("x")])
def test_a_fault_inside_a_transaction_leaves_none_open(
    log: DuckDBLog, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """Were it left open, the next group would go into it and be acknowledged without a commit."""
    _fail_before_commit(monkeypatch, fault)
    with pytest.raises(LogUnavailable):
        log.append([Batch([make_row(event_id="x")])])
    monkeypatch.undo()
    (receipt,) = log.append([Batch([make_row(event_id="x")])])

    assert (1, 0) == (receipt.accepted, receipt.duplicates)
    assert 1 == _count(log)
    with pytest.raises(duckdb.TransactionException):
        log.database.cursor().execute("ROLLBACK")


@pytest.mark.parametrize("table", ["events", "dead_letters"])
def test_a_rolled_back_first_group_does_not_stop_the_next(
    log: DuckDBLog, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """What a first transaction registered goes with its rollback; the groups after it are stored all the same."""
    row = make_row("custom", event_id="x")
    insert = Incoming.insert

    def insert_and_fail(*arguments: Any) -> None:
        insert(*arguments)
        if arguments[2] == f"incoming_{table}":
            raise duckdb.TransactionException("Failed to commit: No space left on device")

    monkeypatch.setattr(Incoming, "insert", insert_and_fail)
    with pytest.raises(StorageFull):
        log.append([Batch([row], [_LETTER])])
    monkeypatch.undo()
    (receipt,) = log.append([Batch([row], [_LETTER])])

    assert 1 == receipt.accepted
    assert (1, 1) == (_count(log), _count(log, "dead_letters"))


def test_a_fault_after_the_commit_does_not_store_twice(log: DuckDBLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the memory of ids fails, the batch is acknowledged, and a repetition is still known for one."""

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(KnownIds, "add", fail)
    (receipt,) = log.append([Batch([make_row(event_id="x")])])
    monkeypatch.undo()
    (again,) = log.append([Batch([make_row(event_id="x")])])

    assert (1, 1) == (receipt.accepted, again.duplicates)
    assert 1 == _count(log)


def test_no_seq_is_given_out_twice_when_an_outcome_stays_unknown(
    log: DuckDBLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file can't be asked, the sender hears of a fault, and what follows goes behind what may be there."""
    write = Group.write

    def write_and_fail(*arguments: Any) -> None:
        write(*arguments)
        raise MemoryError

    def fail(*_: Any) -> bool:
        raise duckdb.OutOfMemoryException("no room to ask")

    monkeypatch.setattr(Group, "write", write_and_fail)
    monkeypatch.setattr(Group, "is_stored", fail)
    with pytest.raises(LogUnavailable):
        log.append([Batch([make_row(event_id="x")])])
    monkeypatch.undo()
    (receipt,) = log.append([Batch([make_row(event_id="x"), make_row(event_id="y")])])

    assert (1, 1) == (receipt.accepted, receipt.duplicates)
    assert [1, 2] == log.read(None, 10)[0].column("seq").to_pylist()


def test_a_load_that_fails_is_done_again(log: DuckDBLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a reopening that learnt only a part, nothing is taken until everything is known again."""
    log.append([Batch([make_row(event_id="x")])])
    log.database.invalidated = True

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the stream broke")

    monkeypatch.setattr(KnownIds, "load", fail)
    with pytest.raises(LogUnavailable):
        log.append([Batch([make_row(event_id="x")])])
    monkeypatch.undo()

    assert 1 == log.append([Batch([make_row(event_id="x")])])[0].duplicates


def test_a_file_that_vanished_is_not_replaced_by_an_empty_one(log: DuckDBLog) -> None:
    """Reopening where the file is gone would begin an empty log in silence: it refuses instead."""
    log.append([Batch([make_row(event_id="x")])])
    log.checkpoint()
    path = log.database.path
    assert path is not None
    aside = path.rename(path.with_suffix(".aside"))
    log.database.invalidated = True
    with pytest.raises(LogUnavailable, match="gone"):
        log.append([Batch([make_row(event_id="y")])])
    assert not path.exists()
    aside.rename(path)

    assert 1 == log.append([Batch([make_row(event_id="x")])])[0].duplicates


def test_a_folder_that_vanished_refuses_events(log: DuckDBLog, clock: SettableClock) -> None:
    """What would go into a file without a name isn't acknowledged."""
    path = log.database.path
    assert path is not None
    aside = path.parent.rename(path.parent.with_name("aside"))
    clock.advance(1)
    with pytest.raises(LogUnavailable):
        log.append([Batch([make_row()])])
    assert not log.space.has_room()
    with pytest.raises(LogUnavailable):
        log.checkpoint()
    assert 0 == log.wal_bytes()
    aside.rename(path.parent)
    clock.advance(1)

    assert 1 == log.append([Batch([make_row()])])[0].accepted


def test_an_open_that_fails_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection left behind would hand its broken instance to the next attempt to open."""
    monkeypatch.setattr("appliance.log.database.queries", lambda *_: {"create": "CREATE TABLE broken ("})
    with pytest.raises(Exception, match="can't be opened") as kept:
        Database(tmp_path)
    monkeypatch.undo()
    # a lock of another configuration would be refused, were the first instance still there
    duckdb.connect(str(tmp_path / "events.duckdb"), config={"threads": 2}).close()

    assert kept.value is not None


def test_closing_does_not_checkpoint_behind_the_back(log: DuckDBLog) -> None:
    """Where there is no room for a checkpoint, closing the file doesn't try one: the write-ahead log stays."""
    log.append([Batch([make_row()])])
    log.space.fits_checkpoint = lambda: False  # type: ignore[method-assign]
    before = log.wal_bytes()
    log.close()

    assert 0 < before == log.wal_bytes()


@pytest.mark.parametrize("jump_us", [365 * DAY_US, -365 * DAY_US])
def test_a_clock_that_jumps_forgets_no_id(tmp_path: Path, clock: SettableClock, jump_us: int) -> None:
    """Ids are known for as long as time has really passed, whatever the time of day says meanwhile."""
    log = DuckDBLog(tmp_path, clock, LogOptions(dedup_fewest=1))
    log.append([Batch([make_row(event_id=str(number)) for number in range(8)])])
    clock.set(START_US + jump_us)
    log.append([Batch([make_row(event_id="late")])])
    (receipt,) = log.append([Batch([make_row(event_id="0")])])

    assert 1 == receipt.duplicates
    log.close()
