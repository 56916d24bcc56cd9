"""Jobs run at their intervals, never twice at once, and each run's end is known."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobEvent, JobExecutionEvent

from appliance.errors import NotFound
from appliance.jobs import Job, Jobs, JobState
from appliance.store.ledger import JobRun
from appliance.testing import START_US, SettableClock

PATIENCE = 20.0
"""Seconds after which a test gives up; nothing is measured by it."""


class ListLedger:
    """A ledger in memory on whose records a test can wait."""

    def __init__(self) -> None:
        self.runs: list[JobRun] = []
        self._changed = threading.Condition()

    def record(self, run: JobRun) -> None:
        with self._changed:
            self.runs.append(run)
            self._changed.notify_all()

    def wait_for(self, outcome: str, count: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.outcomes().count(outcome) >= count, PATIENCE)

    def outcomes(self) -> list[str]:
        return [run.outcome for run in self.runs]


@contextmanager
def started(ledger: ListLedger, *jobs: Job) -> Iterator[Jobs]:
    running = Jobs(jobs, ledger, SettableClock())
    running.start()
    try:
        yield running
    finally:
        running.stop(PATIENCE)


def raising(error: Exception) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def test_a_job_runs_again_and_again() -> None:
    """The first run comes at once when asked for, others follow, and all are in the ledger."""
    ledger = ListLedger()
    with started(ledger, Job("tick", lambda: 7, 0.02, at_start=True)):
        ledger.wait_for("done", 3)
    assert JobRun("tick", START_US, START_US, "done", "7") == ledger.runs[0]


def test_a_failing_job_is_told_and_runs_again() -> None:
    """A failure is recorded with its reason, and the next run comes all the same."""
    ledger = ListLedger()
    with started(ledger, Job("bad", raising(OSError("no room")), 0.02)) as jobs:
        ledger.wait_for("failed", 2)
        state = jobs.states()["bad"]
    assert "OSError: no room" in {run.detail for run in ledger.runs}
    assert (None, True) == (state.last_done_us, state.outcomes["failed"] >= 1)


def test_a_slow_job_is_skipped_not_doubled() -> None:
    """While a run is under way the next one is skipped, and the state says that it runs."""
    ledger, gate, inside = ListLedger(), threading.Event(), []

    def slow() -> None:
        inside.append(1)
        gate.wait(PATIENCE)

    with started(ledger, Job("slow", slow, 0.02, at_start=True)) as jobs:
        ledger.wait_for("skipped")
        assert (1, True) == (len(inside), jobs.states()["slow"].running)
        gate.set()
        ledger.wait_for("done")


def test_a_long_job_does_not_hold_up_others() -> None:
    """Each job has a thread."""
    ledger, gate = ListLedger(), threading.Event()
    with started(ledger, Job("long", lambda: gate.wait(PATIENCE), 60, at_start=True), Job("short", int, 0.02)):
        ledger.wait_for("done", 2)
        gate.set()
    assert {"short"} == {run.name for run in ledger.runs if run.outcome == "done"} - {"long"}
    assert "long" != ledger.runs[0].name


def test_stopping_waits_for_what_runs() -> None:
    """A run under way ends before ``stop`` returns, and none begins after it."""
    ledger, begun, gate = ListLedger(), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        gate.wait(PATIENCE)
        return "ended"

    jobs = Jobs([Job("slow", slow, 60, at_start=True)], ledger, SettableClock())
    jobs.start()
    assert begun.wait(PATIENCE)
    assert not jobs.stop(0.01)
    gate.set()
    assert jobs.stop(PATIENCE)
    assert ["ended"] == [run.detail for run in ledger.runs]
    assert "skipped" == jobs.run_now("slow").outcome


def test_a_clock_set_back_does_not_stop_the_jobs() -> None:
    """A next run that lies further off than the interval comes from another time of day, and is brought forward."""
    ledger = ListLedger()
    with started(ledger, Job("daily", int, 86_400), Job("tick", int, 0.02)) as jobs:
        jobs._scheduler.modify_job("daily", next_run_time=datetime.now(UTC) + timedelta(days=30))
        ledger.wait_for("done", 2)
        jobs._scheduler.modify_job("tick", next_run_time=datetime.now(UTC) + timedelta(days=30))
        ledger.wait_for("done", len(ledger.runs) + 3)
    assert {"daily", "tick"} == {run.name for run in ledger.runs}


def test_a_clock_set_years_ahead_does_not_stop_the_jobs() -> None:
    """Runs that would have been due in ten years aren't counted one by one: the job runs once, and goes on."""
    ledger = ListLedger()
    with started(ledger, Job("tick", int, 0.02)) as jobs:
        ledger.wait_for("done", 2)
        jobs._scheduler.modify_job("tick", next_run_time=datetime.now(UTC) - timedelta(days=3_650))
        ledger.wait_for("done", len(ledger.runs) + 3)
    assert {"done"} == {run.outcome for run in ledger.runs}


def test_stopping_before_starting() -> None:
    """An appliance that fails while starting can stop its jobs all the same."""
    assert Jobs([], ListLedger(), SettableClock()).stop(0)


def test_run_now_says_how_it_ended() -> None:
    """A run by hand is recorded like any other, without a scheduler."""
    ledger = ListLedger()
    jobs = Jobs([Job("good", lambda: None, 60), Job("bad", raising(ValueError("x")), 60)], ledger, SettableClock())
    assert ("done", "failed") == (jobs.run_now("good").outcome, jobs.run_now("bad").outcome)
    assert ["good", "bad"] == [run.name for run in ledger.runs]
    assert JobState(last=ledger.runs[0], last_done_us=START_US, outcomes={"done": 1}) == jobs.states()["good"]


def test_an_unknown_job_is_named_with_those_there_are() -> None:
    """The error lists the jobs."""
    with pytest.raises(NotFound, match="rollups"):
        Jobs([Job("rollups", int, 60)], ListLedger(), SettableClock()).run_now("rollup")


@pytest.mark.parametrize(("code", "outcome"), [(EVENT_JOB_MISSED, "missed"), (EVENT_JOB_ERROR, "failed")])
def test_what_the_scheduler_notices_is_recorded(code: int, outcome: str) -> None:
    """A run that couldn't begin in time, or broke outside of its job, isn't silent."""
    ledger = ListLedger()
    jobs = Jobs([Job("tick", int, 60)], ledger, SettableClock())
    event: JobEvent = JobExecutionEvent(code, "tick", "default", None, exception=None)
    jobs._scheduler._dispatch_event(event)
    assert [outcome] == ledger.outcomes()
    assert {outcome: 1} == jobs.states()["tick"].outcomes


def test_a_ledger_that_fails_stops_no_job() -> None:
    """When the run can't be written down, the state still tells how it ended."""

    class FullLedger:
        def record(self, run: JobRun) -> None:
            raise OSError("disk full")

    jobs = Jobs([Job("tick", int, 60)], FullLedger(), SettableClock())
    assert "done" == jobs.run_now("tick").outcome
    assert {"done": 1} == jobs.states()["tick"].outcomes
