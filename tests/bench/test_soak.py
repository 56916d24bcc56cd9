"""The judges of a long run: they pass what is level and complete, and find what is not."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.bench.soak_proof import stored_once
from tests.bench.soak_samples import Sample, findings, look

Course = dict[str, Callable[[float], float]]


def _run(course: Course | None = None, minutes: float = 30) -> list[Sample]:
    """A run with a sample every half minute; ``course`` says how a value goes with the minutes."""
    rng = random.Random(1)
    samples = []
    for number in range(int(minutes * 2)):
        minute = (number + 1) / 2
        values: dict[str, Any] = {"memory_mib": 400 + rng.uniform(-15, 15), "files": 60, "threads": 30}
        values |= {name: value(minute) for name, value in (course or {}).items()}
        samples.append(Sample(minute, disk_mib=minute, acknowledged=number, **values))
    return samples


def test_a_level_run_is_found_level() -> None:
    """Noise, and a climb during the warm-up alone, are no finding."""
    assert [] == findings(_run())
    assert [] == findings(_run({"memory_mib": lambda minute: min(450, 200 + 30 * minute)}))


@pytest.mark.parametrize(
    ("words", "course"),
    [
        ("memory climbs", {"memory_mib": lambda minute: 400 + 2 * minute}),
        ("memory peaks", {"memory_mib": lambda minute: 600 if minute == 20 else 400}),
        ("open files grow", {"files": lambda minute: 60 + 2 * minute}),
        ("threads grow", {"threads": lambda minute: 30 + minute}),
    ],
)
def test_what_grows_is_found(words: str, course: Course) -> None:
    """A leak of two megabytes a minute, a peak, connections or threads that are never let go."""
    assert any(finding.startswith(words) for finding in findings(_run(course)))


def test_a_short_run_is_not_judged() -> None:
    """A run of a few minutes is all warm-up."""
    assert [] == findings(_run({"memory_mib": lambda minute: 100 * minute}, minutes=5))


def test_a_sample_is_of_the_process_asked_for(tmp_path: Path) -> None:
    """Its memory, files and threads are more than none, and the folder's bytes are added up."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(bytes(2**20))
    sample = look(os.getpid(), tmp_path, 1.0, 7)
    assert sample.memory_mib > 1
    assert sample.files > 1
    assert sample.threads >= 1
    assert (1.0, 7) == (sample.disk_mib, sample.acknowledged)


def test_events_lost_and_doubled_are_found(tmp_path: Path) -> None:
    """One of three missing, one there twice, one that nobody was promised."""
    with duckdb.connect(str(tmp_path / "events.duckdb")) as log:
        log.execute("CREATE TABLE events (event_id UUID)")
        log.executemany("INSERT INTO events VALUES (?)", [[f"{'0' * 31}{n}"] for n in (1, 2, 2, 9)])
    assert [
        "1 events are stored twice",
        "1 acknowledged events are missing",
        "1 events are stored that nobody was promised",
    ] == list(stored_once(tmp_path, {1, 2, 3}))
