"""What runs when. Jobs own no logic: each is a plain callable with an interval, and this is the only timer.

Every run ends in the ledger with its outcome, in the log when it failed, and in ``states`` for whoever asks.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from appliance.clock import Clock
from appliance.errors import NotFound
from appliance.store.ledger import JobRun, Outcome

_log = structlog.get_logger(__name__)

_MOST_MISSED = timedelta(hours=1)
_OUTCOMES: dict[int, Outcome] = {
    EVENT_JOB_MISSED: "missed",
    EVENT_JOB_MAX_INSTANCES: "skipped",
    EVENT_JOB_ERROR: "failed",
}


class Ledger(Protocol):
    """Where runs are written down; ``appliance.store.ledger.JobLedger`` in the appliance."""

    def record(self, run: JobRun) -> None:
        """Keep the run; may block shortly, and may raise."""


@dataclass(frozen=True)
class Job:
    """A callable and how often it runs. ``at_start``: the first time at once, otherwise after one interval.

    What the callable returns is the run's detail in the ledger; an exception fails the run and nothing else.
    """

    name: str
    run: Callable[[], object]
    every_seconds: float
    at_start: bool = False


@dataclass(frozen=True)
class JobState:
    """How a job stands: whether it runs now, its last run, and how many runs ended how since the start."""

    running: bool = False
    last: JobRun | None = None
    last_done_us: int | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)


@dataclass
class _Slot:
    job: Job
    turn: threading.Lock = field(default_factory=threading.Lock)
    last: JobRun | None = None
    last_done_us: int | None = None
    outcomes: Counter[str] = field(default_factory=Counter)


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """Notices a clock that was set.

    Set back, jobs would wait until the time of day has come round again. Set ahead, APScheduler would list every run
    that was missed, millions of them where the clock is years off.
    """

    def _process_jobs(self) -> float | None:
        now = datetime.now(UTC)
        for job in self.get_jobs():
            if job.next_run_time is not None and not -_MOST_MISSED <= job.next_run_time - now <= job.trigger.interval:
                self.modify_job(job.id, next_run_time=now)
        wait_seconds: float | None = super()._process_jobs()
        return wait_seconds


class Jobs:
    """Runs jobs at their intervals, each in a thread of its own and never twice at once."""

    def __init__(self, jobs: Iterable[Job], ledger: Ledger, clock: Clock) -> None:
        self._slots = {job.name: _Slot(job) for job in jobs}
        self._ledger = ledger
        self._clock = clock
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._stopping = False
        # A thread for each job: a long one must not make the others wait.
        pool = ThreadPoolExecutor(max(1, len(self._slots)))
        self._scheduler = _Scheduler(executors={"default": pool}, timezone=UTC)
        self._scheduler.add_listener(self._on_event, EVENT_JOB_MISSED | EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)

    def start(self) -> None:
        """Begin to run the jobs; returns at once."""
        for slot in self._slots.values():
            self._schedule(slot)
        self._scheduler.start()

    def stop(self, timeout: float) -> bool:
        """Start no further run and wait up to ``timeout`` seconds for those under way; ``False`` if some are left."""
        with self._changed:
            self._stopping = True
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._changed:
            drained = self._changed.wait_for(lambda: not self._running, timeout)
            left = sorted(self._running)
        if not drained:
            _log.warning("jobs_still_running", jobs=left)
        return drained

    def run_now(self, name: str) -> JobRun:
        """Run a job in the calling thread, after a run of it that is under way, and say how it ended.

        Raises ``NotFound`` for an unknown name. The job's own exception is in the run, not raised.
        """
        slot = self._slots.get(name)
        if slot is None:
            raise NotFound(f"There is no job {name!r}; there are: {', '.join(sorted(self._slots))}.")
        with slot.turn:
            return self._run(slot)

    def states(self) -> dict[str, JobState]:
        """How each job stands now, by name."""
        with self._changed:
            return {
                name: JobState(name in self._running, slot.last, slot.last_done_us, dict(slot.outcomes))
                for name, slot in self._slots.items()
            }

    def _schedule(self, slot: _Slot) -> None:
        job = slot.job
        # One late run replaces all that were missed; one later than a whole period leaves it to the next.
        options: dict[str, object] = {
            "coalesce": True,
            "max_instances": 1,
            "misfire_grace_time": max(1, round(job.every_seconds)),
        }
        if job.at_start:
            options["next_run_time"] = datetime.now(UTC)
        self._scheduler.add_job(self._on_time, "interval", [slot], seconds=job.every_seconds, id=job.name, **options)

    def _on_time(self, slot: _Slot) -> None:
        if not slot.turn.acquire(blocking=False):
            self._end(slot, self._now_run(slot, "skipped", "the run before it hasn't ended"))
            return
        try:
            self._run(slot)
        finally:
            slot.turn.release()

    def _run(self, slot: _Slot) -> JobRun:
        """Run the job and write down how it ended; the caller holds the job's turn."""
        name = slot.job.name
        with self._changed:
            if self._stopping:
                return self._now_run(slot, "skipped", "the appliance is stopping")
            self._running.add(name)
        try:
            run = self._outcome(slot)
            self._end(slot, run)
        finally:
            with self._changed:
                self._running.discard(name)
                self._changed.notify_all()
        return run

    def _outcome(self, slot: _Slot) -> JobRun:
        name, started_us = slot.job.name, self._clock.now_us()
        try:
            result = slot.job.run()
        except Exception as error:  # noqa: BLE001 - whatever a job raises fails its run, and is logged
            _log.exception("job_failed", job=name)
            detail = f"{type(error).__name__}: {error}"
            return JobRun(name, started_us, self._clock.now_us(), "failed", detail)
        detail = "" if result is None else str(result)
        return JobRun(name, started_us, self._clock.now_us(), "done", detail)

    def _on_event(self, event: JobEvent) -> None:
        """What APScheduler noticed itself: a run that couldn't begin, or one that broke outside of its job."""
        slot = self._slots[event.job_id]
        run = self._now_run(slot, _OUTCOMES[event.code], str(getattr(event, "exception", None) or ""))
        self._end(slot, run)

    def _now_run(self, slot: _Slot, outcome: Outcome, detail: str) -> JobRun:
        now_us = self._clock.now_us()
        return JobRun(slot.job.name, now_us, now_us, outcome, detail)

    def _end(self, slot: _Slot, run: JobRun) -> None:
        if run.outcome in {"missed", "skipped"}:
            _log.warning("job_not_run", job=run.name, outcome=run.outcome, detail=run.detail)
        with self._changed:
            slot.last = run
            slot.outcomes[run.outcome] += 1
            if run.outcome == "done":
                slot.last_done_us = run.finished_us
        try:
            self._ledger.record(run)
        except Exception:  # noqa: BLE001 - a full disk must not stop the jobs that make room on it
            _log.exception("job_run_not_recorded", job=run.name, outcome=run.outcome)
