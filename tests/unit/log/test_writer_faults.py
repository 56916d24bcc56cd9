"""The writer thread outlives every fault, and nobody who handed something over waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from appliance.clock import SystemClock
from appliance.errors import LogInUse, LogUnavailable, StorageFull
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.group import Group
from appliance.log.protocol import Batch, Receipt
from appliance.log.writer import Writer, WriterOptions
from appliance.testing import make_row


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DuckDBLog]:
    made = DuckDBLog(tmp_path, SystemClock())
    yield made
    made.close()


@pytest.fixture
def writer(log: DuckDBLog) -> Iterator[Writer]:
    made = Writer(log, SystemClock(), WriterOptions(group_wait_seconds=0.01, group_max_bytes=1_000))
    made.start()
    yield made
    assert made.stop(10)


def _raising(fault: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise fault

    return fail


def _wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come to pass")


def _count(log: DuckDBLog) -> int:
    with log.reader() as cursor:
        return int(cursor.execute("SELECT count(*) FROM events").fetchall()[0][0])


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ("wal_bytes", PermissionError("not to be looked at")),
        ("checkpoint", OSError("gone")),
        ("heal", LogInUse()),
        ("heal", OSError("gone")),
    ],
)
def test_the_thread_outlives_what_its_idle_work_raises(
    log: DuckDBLog, writer: Writer, monkeypatch: pytest.MonkeyPatch, place: str, fault: Exception
) -> None:
    """Looking after the log may fail in any way: what is submitted afterwards is stored."""
    failed = threading.Event()

    def fail() -> int:
        failed.set()
        raise fault

    monkeypatch.setattr("appliance.log.writer.IDLE_CHECKPOINT_BYTES", 0)
    monkeypatch.setattr(log, place, fail)
    assert failed.wait(10)
    monkeypatch.undo()

    assert 1 == writer.submit(Batch([make_row()])).result(10).accepted


def test_a_cancelled_future_hurts_nobody(log: DuckDBLog, writer: Writer) -> None:
    """Whoever gives up on a batch or a job doesn't take the others of the group with it."""
    hold = threading.Event()
    writer.call(hold.wait)
    futures = [writer.submit(Batch([make_row()])) for _ in range(3)]
    futures[0].cancel()
    job = writer.call(lambda: "not wanted")
    job.cancel()
    hold.set()

    assert 2 == futures[1].result(10).accepted + futures[2].result(10).accepted
    assert "wanted" == writer.call(lambda: "wanted").result(10)


def test_a_job_whose_commit_breaks_the_instance_is_noticed(log: DuckDBLog, writer: Writer) -> None:
    """A fatal fault in a job has the file opened anew without any batch or reader having to stumble first."""
    with pytest.raises(duckdb.FatalException):
        writer.run(_raising(duckdb.FatalException("broken"))).result(10)
    _wait_until(lambda: not log.database.invalidated)

    assert 1 == writer.run(lambda connection: 1).result(10)
    assert 1 == writer.submit(Batch([make_row()])).result(10).accepted


def test_readiness_comes_back_without_traffic(log: DuckDBLog, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a refused commit the writer tries by itself: a balancer sends nothing to who isn't ready."""
    monkeypatch.setattr(log.space, "require", _raising(StorageFull()))
    with pytest.raises(StorageFull):
        writer.submit(Batch([make_row()])).result(10)
    assert writer.counts.last_failure is not None
    monkeypatch.undo()
    _wait_until(lambda: writer.counts.last_failure is None)


def test_a_poisoned_batch_costs_few_commits(log: DuckDBLog, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch among many that can't be stored is found by halving, not by a commit for each."""
    hold = threading.Event()
    writer.call(hold.wait)
    poisoned = (b"too short", *make_row()[1:])
    futures = [writer.submit(Batch([make_row() if number != 77 else poisoned])) for number in range(128)]
    hold.set()
    with pytest.raises(LogUnavailable):
        futures[77].result(10)

    assert 127 == sum(future.result(10).accepted for number, future in enumerate(futures) if number != 77)
    assert writer.counts.commits < 20
    assert 127 == _count(log)


def test_an_id_in_a_poisoned_batch_is_free_for_the_others(log: DuckDBLog, writer: Writer) -> None:
    """Where a batch of a group fails, an event it shares with a later one is stored with that one."""
    hold = threading.Event()
    writer.call(hold.wait)
    poisoned = Batch([make_row(event_id="x"), (b"too short", *make_row()[1:])])
    bad, good, again = (writer.submit(batch) for batch in (poisoned, *(Batch([make_row(event_id="x")]),) * 2))
    hold.set()
    with pytest.raises(LogUnavailable):
        bad.result(10)

    assert (1, 1) == (good.result(10).accepted, again.result(10).duplicates)
    assert 1 == _count(log)


def test_a_group_is_bounded_in_bytes(log: DuckDBLog, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few but large batches don't pile up into one transaction of any size."""
    sizes: list[int] = []
    append = log.append

    def watched(batches: Sequence[Batch]) -> list[Receipt]:
        sizes.append(sum(batch.size_bytes for batch in batches))
        return append(batches)

    monkeypatch.setattr(log, "append", watched)
    hold = threading.Event()
    writer.call(hold.wait)
    futures = [writer.submit(Batch([make_row()], size_bytes=600)) for _ in range(10)]
    hold.set()
    assert 10 == sum(future.result(10).accepted for future in futures)

    assert 1_200 >= max(sizes)


def test_stopping_amid_submissions_leaves_no_future_open(log: DuckDBLog) -> None:
    """Each submission that was taken ends with a receipt, and each later one is refused at once."""
    for _ in range(20):
        writer = Writer(log, SystemClock())
        writer.start()
        taken: list[Any] = []
        refused = threading.Event()

        def keep_sending(writer: Writer = writer, taken: list[Any] = taken, refused: threading.Event = refused) -> None:
            try:
                while True:
                    taken.append(writer.submit(Batch([make_row()])))
                    taken.append(writer.call(lambda: None))
            except LogUnavailable:
                refused.set()

        sender = threading.Thread(target=keep_sending)
        sender.start()
        _wait_until(lambda taken=taken: len(taken) > 3)  # type: ignore[misc]
        assert writer.stop(10)
        assert refused.wait(10)
        sender.join()

        assert all(future.done() for future in taken)


def test_a_commit_that_a_fault_interrupts_is_told_apart_under_load(
    log: DuckDBLog, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever every third commit raises, before it took effect or after, each id ends up stored once."""
    write = Group.write
    calls = iter(range(1_000_000))

    def unreliable(group: Any, cursor: Any, incoming: Any) -> None:
        match next(calls) % 3:
            case 0:
                raise duckdb.IOException("before")
            case 1:
                write(group, cursor, incoming)
                raise duckdb.FatalException("COMMIT succeeded and is durable, but the autocheckpoint failed")
            case _:
                write(group, cursor, incoming)

    monkeypatch.setattr(Group, "write", unreliable)
    for number in range(8):
        batch = Batch([make_row(event_id=f"{number}-{place}") for place in range(3)])
        while True:
            try:
                receipt = writer.submit(batch).result(30)
            except LogUnavailable:
                continue
            assert 3 == receipt.accepted + receipt.duplicates
            break

    assert 24 == _count(log)
