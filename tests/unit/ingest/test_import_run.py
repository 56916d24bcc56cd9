"""A whole import: passes, patience, and where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from appliance.errors import StorageFull
from appliance.ingest import chunks
from appliance.ingest.chunks import Chunk, Refused, Taken
from appliance.ingest.import_run import ImportRun, ImportStopped, Outcome
from appliance.ingest.lines import Line
from appliance.ingest.pieces import FileDamaged
from appliance.testing import SettableClock


@dataclass
class Lines:
    """A source of so many lines, which can't be read beyond ``broken_after``."""

    count: int
    broken_after: int | None = None
    name: str = "a.ndjson"
    origin: str = "in/a.ndjson"

    def lines(self, after: int = 0) -> Iterator[Line]:
        for number in range(after + 1, self.count + 1):
            if number - 1 == self.broken_after:
                raise FileDamaged("the gzip data is cut off")
            yield Line(number, b"{}")

    def digest(self) -> str:
        return "digest"


class Recorder:
    """Takes chunks, refuses the lines named, fails as often as told; ``known`` lines are duplicates."""

    def __init__(
        self, bad: frozenset[int] = frozenset(), failures: int = 0, *, noted: int = 0, known: range = range(0)
    ) -> None:
        self.chunks: list[Chunk] = []
        self.finished: list[str] = []
        self._bad = bad
        self._failures = failures
        self._noted = noted
        self._known = known

    def begin(self, source: str, origin: str, *, from_start: bool) -> int:
        assert ("digest", "in/a.ndjson") == (source, origin)
        return 0 if from_start else self._noted

    def finish(self, source: str) -> None:
        self.finished.append(source)

    def take(self, chunk: Chunk) -> Taken:
        if self._failures:
            self._failures -= 1
            raise StorageFull
        self.chunks.append(chunk)
        refused = [Refused(number, "wrong_type", None, "no") for number in chunk.numbers if number in self._bad]
        known = sum(number in self._known for number in chunk.numbers)
        return Taken(len(chunk.numbers) - len(refused) - known, known, refused, 42)


def _run(recorder: Recorder, source: Lines, *, strict: bool = False, from_start: bool = False) -> Outcome:
    clock = SettableClock()
    return ImportRun(recorder, clock, clock.advance, from_start=from_start).run([source], strict=strict)


def test_a_strict_import_with_a_bad_line_only_checks() -> None:
    """With one bad line in 45,000 every chunk is checked and none is stored."""
    recorder = Recorder(bad=frozenset({44_000}))
    outcome = _run(recorder, Lines(45_000), strict=True)
    assert (0, 1) == (outcome.stored, outcome.rejected)
    assert "in/a.ndjson:44000" == outcome.refused[0][0]
    assert [True] * 3 == [chunk.only_check for chunk in recorder.chunks]


def test_a_strict_import_stores_by_the_verdict_of_its_check() -> None:
    """The second pass judges as of the first one's instant, so that nothing grows too old between them."""
    recorder = Recorder()
    assert 25_000 == _run(recorder, Lines(25_000), strict=True).stored
    assert [(True, None), (True, 42), (False, 42), (False, 42)] == [
        (chunk.only_check, chunk.as_of_us) for chunk in recorder.chunks
    ]


def test_a_full_disk_is_waited_for() -> None:
    """A refusal that may pass is tried again, and nothing is lost or handed over twice."""
    recorder = Recorder(failures=3)
    assert 10 == _run(recorder, Lines(10)).stored
    assert 1 == len(recorder.chunks)


def test_patience_ends() -> None:
    """After a minute the import gives up and says that nothing was stored."""
    with pytest.raises(ImportStopped, match=r"^in/a\.ndjson: There is too little free space.*Nothing was stored$"):
        _run(Recorder(failures=1_000), Lines(10))


def test_a_file_that_breaks_off_says_how_far_it_got() -> None:
    """What was stored before the fault is told, with the line after which it stopped."""
    source = Lines(30_000, broken_after=25_000)
    with pytest.raises(ImportStopped, match=r"after line 20,000: the gzip data is cut off\. 20,000 events were stored"):
        _run(Recorder(), source)


def test_an_interrupted_import_goes_on_at_its_note() -> None:
    """The chunk after the note is known; what stands before it isn't read, and the note is given up at the end."""
    recorder = Recorder(noted=20_000, known=range(1, 40_001))
    outcome = _run(recorder, Lines(50_000))
    assert (10_000, 20_000) == (outcome.stored, outcome.duplicates)
    assert {"in/a.ndjson": 20_000} == outcome.resumed
    assert [20_001, 40_001] == [chunk.numbers[0] for chunk in recorder.chunks]
    assert ["digest"] == recorder.finished


def test_a_note_that_is_ahead_of_the_log_is_not_believed() -> None:
    """Where the log lacks an event of the chunk that was noted as stored, the import begins at the beginning."""
    recorder = Recorder(noted=20_000, known=range(20_002, 40_001))
    assert {} == _run(recorder, Lines(50_000)).resumed
    assert [20_001, 1, 20_001, 40_001] == [chunk.numbers[0] for chunk in recorder.chunks]


def test_from_the_start_on_demand() -> None:
    """A note can be passed over."""
    recorder = Recorder(noted=20_000)
    assert 30_000 == _run(recorder, Lines(30_000), from_start=True).stored


def test_chunks_are_bounded() -> None:
    """A chunk ends at 20,000 lines, or at the line that reaches 8 MB."""
    big = Line(1, b"x" * (1 << 20))
    assert [8, 2] == [len(chunk.events) for chunk in chunks.chunks("a", "a", [big] * 10)]
    assert [20_000, 1] == [len(chunk.events) for chunk in chunks.chunks("a", "a", [Line(1, b"x")] * 20_001)]
