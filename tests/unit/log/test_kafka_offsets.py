"""Offsets of Kafka in the log: durable with the events, and never uncertain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import LogUnavailable
from appliance.events.rejection import DeadLetter
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.group import Group
from appliance.log.protocol import Batch, Offset, OffsetMove
from appliance.log.writer import Writer
from appliance.testing import START_US, SettableClock, make_row

_LETTER = DeadLetter(START_US, "kafka", "invalid_json", None, "not JSON", b"x", id=b"0" * 16)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DuckDBLog]:
    made = DuckDBLog(tmp_path / "data", SettableClock())
    yield made
    made.close()


def _move(expected: int | None, to: int) -> OffsetMove:
    return OffsetMove("g", "t", 0, None if expected is None else Offset(expected), Offset(to))


def _in_file(log: DuckDBLog) -> list[tuple[Any, ...]]:
    with log.reader() as cursor:
        return cursor.execute("SELECT next_offset FROM kafka_offsets").fetchall()


def test_offsets_and_the_consumer_id_outlive_the_process(log: DuckDBLog, tmp_path: Path) -> None:
    """A log opened again stands where it stood, and reads under the same name."""
    log.append([Batch([make_row()], offsets=[_move(None, 7)])])
    log.append([Batch([make_row()], offsets=[_move(7, 9)])])
    name = log.kafka_offsets.consumer_id
    log.close()
    again = DuckDBLog(tmp_path / "data", SettableClock())
    try:
        assert Offset(9) == again.kafka_offsets.stored("g", "t", 0)
        assert len(name) == 36
        assert name == again.kafka_offsets.consumer_id
        assert [(9,)] == _in_file(again)
    finally:
        again.close()


_BATCHES = {
    "events": Batch([make_row(event_id="x")], offsets=[_move(None, 7)]),
    "letters": Batch([], [_LETTER], offsets=[_move(None, 7)]),
    "offsets": Batch([], offsets=[_move(None, 7)]),
}


@pytest.mark.parametrize("kind", list(_BATCHES))
def test_a_commit_that_raises_after_it_took_effect_moves_the_offset(
    log: DuckDBLog, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The file is asked, the batch is acknowledged, and the next one starts where it led."""
    write = Group.write

    def write_and_fail(*arguments: Any) -> None:
        write(*arguments)
        raise MemoryError

    monkeypatch.setattr(Group, "write", write_and_fail)
    (receipt,) = log.append([_BATCHES[kind]])
    monkeypatch.undo()
    (following,) = log.append([Batch([], offsets=[_move(7, 8)])])

    assert (False, False) == (receipt.fenced, following.fenced)
    assert [(8,)] == _in_file(log)


@pytest.mark.parametrize("kind", list(_BATCHES))
def test_a_commit_that_did_not_take_effect_leaves_the_offset(
    log: DuckDBLog, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The sender hears of a fault, and the same batch is taken when it comes again."""

    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Group, "write", fail)
    with pytest.raises(LogUnavailable):
        log.append([_BATCHES[kind]])
    monkeypatch.undo()
    assert log.kafka_offsets.stored("g", "t", 0) is None
    (receipt,) = log.append([_BATCHES[kind]])

    assert not receipt.fenced
    assert [(7,)] == _in_file(log)


def test_an_outcome_that_stays_unknown_is_found_out_at_the_next_call(
    log: DuckDBLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file can't be asked, the offset is read anew before anything else is judged."""
    write = Group.write

    def write_and_fail(*arguments: Any) -> None:
        write(*arguments)
        raise MemoryError

    def fail(*_: Any) -> bool:
        raise OSError("no room to ask")

    monkeypatch.setattr(Group, "write", write_and_fail)
    monkeypatch.setattr(Group, "is_stored", fail)
    batch = Batch([make_row()], offsets=[_move(None, 7)])
    with pytest.raises(LogUnavailable):
        log.append([batch])
    monkeypatch.undo()
    (again,) = log.append([batch])

    assert again.fenced
    assert Offset(7) == log.kafka_offsets.stored("g", "t", 0)
    assert 1 == len(log.read(None, 10)[0])


def test_a_file_that_differs_from_memory_takes_nothing_and_is_read_anew(log: DuckDBLog) -> None:
    """The statement itself moves an offset only from where it is expected; the group goes back whole."""
    log.append([Batch([], offsets=[_move(None, 7)])])
    log.database.cursor().execute("UPDATE kafka_offsets SET next_offset = 6")
    batch = Batch([make_row()], offsets=[_move(7, 8)])
    with pytest.raises(LogUnavailable):
        log.append([batch])
    (again,) = log.append([batch])

    assert again.fenced
    assert Offset(6) == log.kafka_offsets.stored("g", "t", 0)
    assert 0 == len(log.read(None, 10)[0])


def test_a_fenced_batch_counts_as_nothing(log: DuckDBLog) -> None:
    """The writer tells its sender by the receipt, and counts neither its events nor its dead letters."""
    writer = Writer(log, SettableClock())
    writer.start()
    receipt = writer.submit(Batch([make_row(source="kafka")], [_LETTER], offsets=[_move(3, 4)])).result(10)
    writer.stop()

    assert receipt.fenced
    assert "kafka" not in writer.counts.by_source
