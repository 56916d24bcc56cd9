"""One suite for every ``EventLog``: the fake and the real one are held to the same contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.events.rejection import DeadLetter
from appliance.events.row import Row
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.position import Position
from appliance.log.protocol import Batch, EventLog, Offset, OffsetMove
from appliance.testing import START_US, MemoryLog, SettableClock, make_row


def _in_memory(_folder: Path) -> EventLog:
    return MemoryLog()


def _duckdb(folder: Path) -> EventLog:
    return DuckDBLog(folder, SettableClock())


@pytest.fixture(params=[_in_memory, _duckdb], ids=["memory", "duckdb"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventLog]:
    make: Callable[[Path], EventLog] = request.param
    made = make(tmp_path / "data")
    yield made
    made.close()


def _users(log: EventLog, after: Position | None = None, limit: int = 1_000) -> list[str]:
    users: list[str] = log.read(after, limit)[0].column("user_id").to_pylist()
    return users


def test_append_keeps_the_order_of_the_batches(log: EventLog) -> None:
    """Events are read back in the order in which they were appended, batch after batch."""
    log.append([Batch([make_row(user_id="a"), make_row(user_id="b")]), Batch([make_row(user_id="c")])])
    log.append([Batch([make_row(user_id="d")])])

    assert ["a", "b", "c", "d"] == _users(log)


def test_receipts_count_what_is_new_and_what_was_there(log: EventLog) -> None:
    """Each batch gets a receipt of its own; a duplicate counts for the batch that came second."""
    first, second = log.append(
        [Batch([make_row(event_id="x"), make_row()]), Batch([make_row(event_id="x"), make_row(event_id="y")])]
    )

    assert (2, 0) == (first.accepted, first.duplicates)
    assert (1, 1) == (second.accepted, second.duplicates)


def test_an_id_is_stored_once_and_the_first_wins(log: EventLog) -> None:
    """The same id in one batch, in one group and in a later one is stored once, as it first came."""
    log.append([Batch([make_row(user_id="first", event_id="x"), make_row(user_id="second", event_id="x")])])
    log.append([Batch([make_row(user_id="third", event_id="x")])])

    assert ["first"] == _users(log)


def test_events_without_an_id_are_never_duplicates(log: EventLog) -> None:
    """Equal events without ids are all stored, each under an id of its own."""
    log.append([Batch([make_row(), make_row(), make_row()])])

    ids = log.read(None, 10)[0].column("event_id").to_pylist()
    assert 3 == len(set(ids))


def test_the_tail_moves_with_each_event(log: EventLog) -> None:
    """The tail is that of the last receipt, and is ordered after the tail before."""
    before = log.tail()
    (receipt,) = log.append([Batch([make_row()])])

    assert receipt.position == log.tail()
    assert before < log.tail()


def test_reading_resumes_where_it_ended(log: EventLog) -> None:
    """Reading in pieces of two gives each event once, and then nothing."""
    log.append([Batch([make_row(user_id=name) for name in "abcde"])])
    pieces: list[list[str]] = []
    position = None
    while True:
        table, position = log.read(position, 2)
        if not len(table):
            break
        pieces.append(table.column("user_id").to_pylist())

    assert [["a", "b"], ["c", "d"], ["e"]] == pieces
    assert log.tail() == position


def test_a_position_of_another_log_is_refused(log: EventLog) -> None:
    """A cursor into another history is an error, not an empty answer."""
    with pytest.raises(ValueError, match="another log"):
        log.read(Position("0" * 32, 1), 10)


def test_a_position_survives_its_text_form(log: EventLog) -> None:
    """What a follower writes down is what it reads back."""
    log.append([Batch([make_row()])])

    assert log.tail() == Position.parse(str(log.tail()))


def test_expiry_removes_by_the_time_of_the_event(log: EventLog) -> None:
    """Only events that happened before the instant go, and positions read on past the gap."""
    old, new = make_row(user_id="old", timestamp_us=START_US - 1), make_row(user_id="new", timestamp_us=START_US)
    log.append([Batch([old, new])])

    assert 1 == log.expire(START_US)
    assert ["new"] == _users(log)


def test_a_seq_is_never_given_out_twice(log: EventLog) -> None:
    """After everything has expired a follower's position still lies before what comes next."""
    log.append([Batch([make_row(timestamp_us=START_US - 1)])])
    position = log.tail()
    log.expire(START_US)
    log.append([Batch([make_row(user_id="next")])])

    assert ["next"] == _users(log, position)


def test_a_batch_of_dead_letters_alone_is_taken(log: EventLog) -> None:
    """Nothing to store but what was refused: a receipt of zero, and the tail stays."""
    before = log.tail()
    (receipt,) = log.append([Batch([], [DeadLetter(START_US, "http", "wrong_type", "user_id", "no", b"{}")])])

    assert (0, 0) == (receipt.accepted, receipt.duplicates)
    assert before == log.tail()


def test_an_empty_call_is_no_error(log: EventLog) -> None:
    """No batches, no receipts."""
    assert [] == log.append([])


@given(
    groups=st.lists(st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=5), max_size=3), max_size=4)
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_grouping_stores_the_same(log: EventLog, groups: list[list[list[str | None]]]) -> None:
    """However ids are spread over groups and batches, each is stored once and every id-less event is."""
    seen: set[str] = set(_stored_ids(log))
    expected = len(_users(log, limit=100_000))
    for group in groups:
        log.append([Batch([_row(name) for name in names]) for names in group])
        for name in [name for names in group for name in names]:
            if name is None or name not in seen:
                expected += 1
            if name is not None:
                seen.add(name)

    assert expected == len(_users(log, limit=100_000))


def _row(name: str | None) -> Row:
    return make_row(user_id=name or "anyone", event_id=name)


def _stored_ids(log: EventLog) -> list[str]:
    return [name for name in _users(log, limit=100_000) if name != "anyone"]


def test_where_a_time_begins(log: EventLog) -> None:
    """The position before the first event of an instant or later; what came late may follow it; else the tail."""
    hour = 3_600_000_000
    log.append([Batch([make_row(user_id=str(at), timestamp_us=START_US + at * hour) for at in (0, 1, 3, 2, 5)])])
    assert ["3", "2", "5"] == _users(log, log.before_first(START_US + 2 * hour))
    assert ["0", "1", "3", "2", "5"] == _users(log, log.before_first(0))
    assert log.tail() == log.before_first(START_US + 6 * hour)


def _move(expected: Offset | None, to: Offset, partition: int = 0) -> OffsetMove:
    return OffsetMove("group", "topic", partition, expected, to)


def _stands(log: EventLog, partition: int = 0) -> Offset | None:
    assert isinstance(log, MemoryLog | DuckDBLog)
    return log.kafka_offsets.stored("group", "topic", partition)


def test_offsets_move_with_the_events_and_fence_alone(log: EventLog) -> None:
    """A batch that expects another place is left out whole, and the others of its call are stored."""
    letter = DeadLetter(START_US, "kafka", "invalid_json", None, "not JSON", b"x")
    first = Batch([make_row(user_id="a")], offsets=[_move(None, Offset(5)), _move(None, Offset(9), 1)])
    fenced = Batch([make_row(user_id="b")], [letter], offsets=[_move(Offset(4), Offset(8))])
    second = Batch([make_row(user_id="c")], offsets=[_move(Offset(5), Offset(8))])
    receipts = log.append([first, fenced, Batch([make_row(user_id="d")]), second])

    assert [False, True, False, False] == [receipt.fenced for receipt in receipts]
    assert [1, 0, 1, 1] == [receipt.accepted for receipt in receipts]
    assert ["a", "d", "c"] == _users(log)
    assert [Offset(8), Offset(9), None] == [_stands(log, 0), _stands(log, 1), _stands(log, 2)]


def test_a_topic_made_anew_is_another_place(log: EventLog) -> None:
    """The fence looks at the topic's id and incarnation too: equal numbers in another topic are not equal offsets."""
    log.append([Batch([], offsets=[_move(None, Offset(5, "A"))])])
    (fenced,) = log.append([Batch([], offsets=[_move(Offset(5, "B", 1), Offset(6, "B", 1))])])
    (moved,) = log.append([Batch([], offsets=[_move(Offset(5, "A"), Offset(2, "B", 1))])])

    assert (True, False) == (fenced.fenced, moved.fenced)
    assert Offset(2, "B", 1) == _stands(log)


@given(
    moves=st.lists(
        st.tuples(st.integers(0, 1), st.none() | st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=12
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_offsets_are_those_of_the_batches_that_were_not_fenced(
    log: EventLog, moves: list[tuple[int, int | None, int, bool]]
) -> None:
    """In any grouping the log holds the events of exactly the batches that found it where they expected."""
    group = f"g{log.tail().seq}"
    stands: dict[int, int] = {}
    groups: list[list[Batch]] = [[]]
    expected = []
    for partition, before, after, ends_call in moves:
        move = OffsetMove(group, "t", partition, None if before is None else Offset(before), Offset(after))
        groups[-1].append(Batch([make_row(user_id=group)], offsets=[move]))
        matches = stands.get(partition) == before
        expected.append(not matches)
        if matches:
            stands[partition] = after
        if ends_call:
            groups.append([])
    found = [receipt.fenced for batches in groups for receipt in log.append(batches)]

    assert expected == found
    assert expected.count(False) == _users(log, None, 10_000).count(group)
    assert isinstance(log, MemoryLog | DuckDBLog)
    assert stands == {n: at.next for n in (0, 1) if (at := log.kafka_offsets.stored(group, "t", n)) is not None}
