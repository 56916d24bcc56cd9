"""Dead letters in the log: settled with their events or not at all, kept once where named, bounded as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from appliance.clock import DAY_US
from appliance.errors import LogUnavailable
from appliance.events.custom_types import CustomTypes
from appliance.events.rejection import DeadLetter
from appliance.log import duckdb_log
from appliance.log.dead_letters import Stock
from appliance.log.duckdb_log import DuckDBLog, LogOptions
from appliance.log.group import Group, Incoming
from appliance.log.protocol import Batch, EventLog, Replay
from appliance.log.writer import Writer
from appliance.testing import START_US, MemoryLog, SettableClock, make_row


def _letter(number: int = 0, payload: bytes = b"{}", letter_id: bytes = b"") -> DeadLetter:
    return DeadLetter(START_US + number, "http", "wrong_type", "user_id", "no", payload, None, letter_id)


def _id(number: int) -> bytes:
    return bytes(15) + bytes([number])


def _open(folder: Path | None, **options: Any) -> DuckDBLog:
    return DuckDBLog(folder, SettableClock(), LogOptions(**options))


def _ids(log: EventLog) -> set[bytes]:
    if isinstance(log, MemoryLog):
        return {letter.id for letter in log.dead_letters}
    assert isinstance(log, DuckDBLog)
    with log.reader() as cursor:
        return {found.bytes for (found,) in cursor.execute("SELECT id FROM dead_letters").fetchall()}


@pytest.fixture(params=["memory", "duckdb"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventLog]:
    made: EventLog = MemoryLog() if request.param == "memory" else _open(tmp_path)
    yield made
    made.close()


def test_a_letter_is_settled_once(log: EventLog) -> None:
    """The first row takes the letter with it; a later one, in the same group too, is a duplicate."""
    log.append([Batch([], [_letter(letter_id=_id(1))])])
    again = Batch([make_row(user_id="b")], replay=Replay([_id(1)]))
    first, second = log.append([Batch([make_row(user_id="a")], replay=Replay([_id(1)])), again])
    (third,) = log.append([again])

    assert [(1, 0), (0, 1), (0, 1)] == [(told.accepted, told.duplicates) for told in (first, second, third)]
    assert ["a"] == log.read(None, 10)[0].column("user_id").to_pylist()
    assert set() == _ids(log)


def test_a_letter_that_never_was_stores_nothing(log: EventLog) -> None:
    """Its row counts as nothing, and the receipt names it."""
    (receipt,) = log.append([Batch([make_row()], replay=Replay([_id(1)], [_id(2)]))])

    assert (0, 0, [_id(1), _id(2)]) == (receipt.accepted, receipt.duplicates, list(receipt.gone))
    assert 0 == len(log.read(None, 10)[0])


def test_a_letter_goes_whose_event_is_there(log: EventLog) -> None:
    """By the id of its event or on the replayer's word, it is settled as a duplicate."""
    log.append([Batch([make_row(event_id="x")], [_letter(letter_id=_id(1)), _letter(letter_id=_id(2))])])
    (receipt,) = log.append([Batch([make_row(event_id="x")], replay=Replay([_id(1)], [_id(2)]))])

    assert (0, 2, set()) == (receipt.accepted, receipt.duplicates, _ids(log))


def test_a_named_letter_is_kept_once(log: EventLog) -> None:
    """Not twice in one group, not again in a later one, and not after it was replayed."""
    letter = _letter(letter_id=_id(1))
    log.append([Batch([], [letter, letter]), Batch([], [letter])])
    log.append([Batch([], [letter, _letter(letter_id=_id(2))])])
    assert {_id(1), _id(2)} == _ids(log)
    log.append([Batch([make_row()], replay=Replay([_id(1)]))])
    log.append([Batch([], [letter])])

    assert {_id(2)} == _ids(log)


def test_what_was_replayed_is_known_after_a_restart(tmp_path: Path) -> None:
    """The memory of replays and the counts are durable."""
    log = _open(tmp_path)
    log.append([Batch([], [_letter(letter_id=_id(number)) for number in range(3)])])
    log.append([Batch([make_row()], replay=Replay([_id(0)]))])
    log.close()
    log = _open(tmp_path)
    (receipt,) = log.append([Batch([make_row()], replay=Replay([_id(0)]))])

    assert (0, 1) == (receipt.accepted, receipt.duplicates)
    assert Stock(rows=2, payload_bytes=4, dropped=0, replayed=1) == log.dead_letters.stock
    log.close()


@pytest.mark.parametrize("rows", [[make_row(event_id="x")], []], ids=["new", "duplicate"])
def test_a_commit_of_unknown_outcome_settles_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[Any]
) -> None:
    """Durable although it raised, with an event or without: acknowledged, gone, and counted once."""
    log = _open(tmp_path)
    log.append([Batch([], [_letter(letter_id=_id(1))])])
    write = Group.write

    def write_and_raise(*arguments: Any) -> None:
        write(*arguments)
        raise duckdb.FatalException("after the commit")

    monkeypatch.setattr(Group, "write", write_and_raise)
    replay = Replay([_id(1)]) if rows else Replay([], [_id(1)])
    (receipt,) = log.append([Batch(rows, replay=replay)])
    monkeypatch.undo()

    assert (len(rows), 1 - len(rows)) == (receipt.accepted, receipt.duplicates)
    assert Stock(replayed=1) == log.dead_letters.stock
    log.close()


def test_a_replay_that_fails_leaves_the_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Event and letter stand or fall together."""
    log = _open(tmp_path)
    log.append([Batch([], [_letter(letter_id=_id(1))])])
    insert = Incoming.insert

    def insert_and_fail(*arguments: Any) -> None:
        insert(*arguments)
        if arguments[4] == "remember_settled":
            raise duckdb.TransactionException("no")

    monkeypatch.setattr(Incoming, "insert", insert_and_fail)
    with pytest.raises(LogUnavailable):
        log.append([Batch([make_row()], replay=Replay([_id(1)]))])
    monkeypatch.undo()

    assert ({_id(1)}, 0, 1) == (_ids(log), len(log.read(None, 10)[0]), log.dead_letters.stock.rows)
    (receipt,) = log.append([Batch([make_row()], replay=Replay([_id(1)]))])
    assert 1 == receipt.accepted
    log.close()


@pytest.mark.parametrize(
    ("options", "kept"), [({"dead_letter_max_rows": 10}, 10), ({"dead_letter_max_bytes": 1_000}, 10)]
)
def test_a_flood_is_bounded_as_it_comes(options: dict[str, int], kept: int) -> None:
    """The writer lets the oldest go a tenth above either bound, without waiting for a job, and counts them."""
    log = _open(None, **options)
    writer = Writer(log, SettableClock())
    writer.start()
    most = 0
    for number in range(60):
        writer.submit(Batch([], [_letter(number, b"x" * 100)])).result(10)
        writer.call(lambda: None).result(10)
        most = max(most, log.dead_letters.stock.rows)
    writer.call(log.dead_letters.bound).result(10)
    writer.stop()
    with log.reader() as cursor:
        oldest = cursor.execute("SELECT min(epoch_us(received_at)) FROM dead_letters").fetchall()

    assert 11 == most
    assert Stock(rows=kept, payload_bytes=100 * kept, dropped=60 - kept) == log.dead_letters.stock
    assert [(START_US + 60 - kept,)] == oldest
    log.close()


def test_age_is_bounded_and_replays_are_forgotten_with_it() -> None:
    """What is older than letters are kept goes; so does the memory of replays before that."""
    log = _open(None)
    log.append([Batch([], [_letter(), _letter(2, letter_id=_id(1))])])
    log.append([Batch([make_row()], replay=Replay([_id(1)]))])
    assert 1 == log.dead_letters.bound(START_US + DAY_US)
    (receipt,) = log.append([Batch([make_row()], replay=Replay([_id(1)]))])

    assert [_id(1)] == list(receipt.gone)
    assert Stock(dropped=1, replayed=1) == log.dead_letters.stock
    log.close()


def test_a_log_of_the_time_before_is_brought_up(tmp_path: Path) -> None:
    """A file whose dead letters have no sizes gets them when it is opened."""
    _open(tmp_path).close()
    with duckdb.connect(str(tmp_path / "events.duckdb")) as connection:
        connection.execute("ALTER TABLE dead_letters DROP COLUMN payload_bytes")
        connection.execute("DROP TABLE replayed_dead_letters")
        connection.execute("DROP TABLE dead_letter_totals")
        connection.execute("INSERT INTO dead_letters VALUES (uuid(), now(), 'http', 'c', NULL, 'm', NULL, 'abc'::BLOB)")
    log = _open(tmp_path)

    assert Stock(rows=1, payload_bytes=3) == log.dead_letters.stock
    log.close()


def test_types_beyond_the_narrow_key_are_never_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A type counts from its first judgement on; where no key is left, it is refused, and known ones go on."""
    monkeypatch.setattr(duckdb_log, "CustomTypes", lambda: CustomTypes(most=2))
    log = _open(None)
    assert [True, True, False, True] == [log.custom_types.admit(name) for name in ("a", "b", "c", "a")]
    log.append([Batch([make_row("a"), make_row("b"), make_row("email_sent")])])
    with pytest.raises(ValueError, match="custom_types"):
        log.append([Batch([make_row("c")])])

    assert ["a", "b", "email_sent"] == log.read(None, 10)[0].column("event_type").to_pylist()
    log.close()
