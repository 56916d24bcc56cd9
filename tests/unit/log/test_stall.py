"""A disk that stops answering: noticed while the writer hangs, told to whoever asks, forgotten when it answers."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from unittest.mock import patch

import pytest

from appliance.errors import LogUnavailable
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.group import Group
from appliance.log.protocol import Batch
from appliance.log.query_pool import QueryPool
from appliance.log.stall import CHECKPOINT, COMMIT, JOB, StallWatch
from appliance.log.writer import Writer
from appliance.testing import SettableClock, make_row


@pytest.mark.parametrize("step", [COMMIT, CHECKPOINT, JOB])
def test_each_step_has_its_time(clock: SettableClock, step: object) -> None:
    """Up to its bound a step is nobody's business; beyond it the reason names it, and its end ends that."""
    watch = StallWatch(clock)
    assert watch.reason() is None
    with watch.at(step):  # type: ignore[arg-type]
        clock.advance(step.most_seconds)  # type: ignore[attr-defined]
        assert watch.reason() is None
        clock.advance(1)
        assert step.name in str(watch.reason())  # type: ignore[attr-defined]
        assert step.holds_readers is (watch.reason(for_readers=True) is not None)  # type: ignore[attr-defined]
    assert watch.reason() is None


def test_a_commit_within_a_job_is_what_counts(clock: SettableClock) -> None:
    """The inner step is the present one; after it the outer one goes on with its own beginning."""
    watch = StallWatch(clock)
    with watch.at(JOB):
        clock.advance(100)
        with watch.at(COMMIT):
            clock.advance(COMMIT.most_seconds + 1)
            assert "commit" in str(watch.reason())
        clock.advance(30)
        assert "a job" in str(watch.reason())


async def test_while_a_commit_hangs_reads_are_refused_and_then_go_on(tmp_path: Path, clock: SettableClock) -> None:
    """A read that waits and one that begins are both told; the commit ends well, and everything is there."""
    log = DuckDBLog(tmp_path, clock)
    writer, queries = Writer(log, clock), QueryPool(log)
    writer.start()
    disk_answers, hangs, write = threading.Event(), threading.Event(), Group.write

    def hang(group: Group, *arguments: object) -> None:
        hangs.set()
        disk_answers.wait(60)
        write(group, *arguments)  # type: ignore[arg-type]

    with patch.object(Group, "write", hang):
        stored = writer.submit(Batch([make_row()]))
        assert await asyncio.to_thread(hangs.wait, 60)
        waiting = asyncio.ensure_future(queries.run(lambda _: disk_answers.wait(60)))
        await asyncio.sleep(0)
        clock.advance(COMMIT.most_seconds + 1)
        with pytest.raises(LogUnavailable, match="commit"):
            await waiting
        with pytest.raises(LogUnavailable, match="commit"):
            await queries.run(lambda _: None)
        with pytest.raises(LogUnavailable, match="commit"):
            log.reader()
        disk_answers.set()
        assert 1 == (await asyncio.wrap_future(stored)).accepted
    deadline = time.monotonic() + 60
    while log.stall.reason() is not None:
        assert time.monotonic() < deadline
    assert 1 == await queries.run(lambda cursor: cursor.execute("SELECT count(*) FROM events").fetchall()[0][0])
    queries.close()
    assert writer.stop()
    log.close()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()
