"""The writer thread: group commit, isolation of what can't be stored, jobs, stopping."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from appliance.clock import SystemClock
from appliance.errors import LogUnavailable, StorageFull
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch, Receipt
from appliance.log.writer import Writer, WriterOptions
from appliance.testing import make_row


@pytest.fixture
def log() -> Iterator[DuckDBLog]:
    made = DuckDBLog(None, SystemClock())
    yield made
    made.close()


@pytest.fixture
def writer(log: DuckDBLog) -> Iterator[Writer]:
    made = Writer(log, SystemClock(), WriterOptions(group_wait_seconds=0.02))
    made.start()
    yield made
    made.stop()


def _count(log: DuckDBLog) -> int:
    with log.reader() as cursor:
        return int(cursor.execute("SELECT count(*) FROM events").fetchall()[0][0])


def test_a_submitted_batch_is_stored_when_its_future_ends(log: DuckDBLog, writer: Writer) -> None:
    """The future's result is the receipt, and by then the events can be read."""
    receipt = writer.submit(Batch([make_row(), make_row()])).result(10)

    assert 2 == receipt.accepted
    assert 2 == _count(log)


def test_what_waits_together_is_committed_together(log: DuckDBLog, writer: Writer) -> None:
    """Batches that queue up behind a job go into one transaction."""
    hold = threading.Event()
    job = writer.call(hold.wait)
    futures = [writer.submit(Batch([make_row(event_id=f"e{number}")])) for number in range(50)]
    hold.set()
    receipts = [future.result(10) for future in futures]

    assert job.result(10)
    assert 50 == sum(receipt.accepted for receipt in receipts)
    assert writer.counts.commits <= 2


def test_a_batch_that_cannot_be_stored_fails_alone(log: DuckDBLog, writer: Writer) -> None:
    """A poisoned batch in a group gets the error; the others of the group are stored."""
    hold = threading.Event()
    writer.call(hold.wait)
    poisoned = (b"too short", *make_row()[1:])
    good, bad, also_good = (writer.submit(Batch([row])) for row in (make_row(), poisoned, make_row()))
    hold.set()

    assert 1 == good.result(10).accepted
    assert 1 == also_good.result(10).accepted
    with pytest.raises(LogUnavailable):
        bad.result(10)
    assert 2 == _count(log)


def test_errors_of_the_log_reach_every_waiting_sender(
    log: DuckDBLog, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is told to each sender of the group, and nothing is stored."""

    def refuse(_batches: Sequence[Batch]) -> list[Receipt]:
        raise StorageFull

    monkeypatch.setattr(log, "append", refuse)
    futures = [writer.submit(Batch([make_row()])) for _ in range(3)]
    for future in futures:
        with pytest.raises(StorageFull):
            future.result(10)

    assert writer.counts.last_failure is not None
    monkeypatch.undo()
    assert 1 == writer.submit(Batch([make_row()])).result(10).accepted
    assert writer.counts.last_failure is None


def test_a_job_is_one_transaction(log: DuckDBLog, writer: Writer) -> None:
    """What a job wrote before it raised is rolled back, and the error reaches who asked."""

    def fail(connection: Any) -> None:
        connection.execute("INSERT INTO followers VALUES ('x', 1)")
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        writer.run(fail).result(10)
    found = writer.run(lambda connection: connection.execute("SELECT count(*) FROM followers").fetchall()).result(10)

    assert [(0,)] == found


def test_jobs_get_their_turn_under_steady_ingest(log: DuckDBLog, writer: Writer) -> None:
    """A job runs though new batches never stop coming."""
    done = threading.Event()

    def keep_sending() -> None:
        while not done.is_set():
            writer.submit(Batch([make_row()]))

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        assert "turn" == writer.call(lambda: "turn").result(10)
    finally:
        done.set()
        sender.join()


def test_stopping_finishes_what_was_taken(log: DuckDBLog) -> None:
    """Batches submitted before the stop are stored; later ones are refused."""
    writer = Writer(log, SystemClock())
    writer.start()
    futures = [writer.submit(Batch([make_row()])) for _ in range(20)]
    writer.stop()

    assert 20 == sum(future.result(0).accepted for future in futures)
    with pytest.raises(LogUnavailable):
        writer.submit(Batch([make_row()]))


async def test_a_coroutine_gets_its_outcome_in_its_loop(log: DuckDBLog, writer: Writer) -> None:
    """Many coroutines waiting for one group are all answered, a cancelled one disturbs nobody."""
    futures = [writer.submit_async(Batch([make_row(event_id=f"a{number}")])) for number in range(20)]
    futures[3].cancel()
    receipts = await asyncio.gather(*futures, return_exceptions=True)

    assert 19 == sum(receipt.accepted for receipt in receipts if isinstance(receipt, Receipt))
