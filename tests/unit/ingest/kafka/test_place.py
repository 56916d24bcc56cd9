"""Where a partition is read from: the whole table of what the log and Kafka may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.ingest.kafka.place import Committed, Range, Start, start
from appliance.log.protocol import Offset

_OWN, _OTHER = "own", "other"


@pytest.mark.parametrize(
    ("stored", "committed", "expected"),
    [
        (None, None, 10),
        (None, Committed(50, _OTHER), 50),
        (None, Committed(50, ""), 50),
        (None, Committed(50, _OWN), 10),
        (30, None, 30),
        (30, Committed(50, _OWN), 30),
        (50, Committed(30, _OWN), 50),
        (30, Committed(50, _OTHER), 50),
        (50, Committed(30, _OTHER), 50),
        (100, None, 100),
    ],
    ids=[
        "nothing is known: the first message",
        "another log was here before: where it stopped",
        "another program was here before: where it stopped",
        "this log was put back to before it began: everything again",
        "the log alone knows",
        "the log was put back to a backup: again what it lost",
        "the commit to Kafka was late",
        "another log had the partition meanwhile: behind what it took",
        "another log had it earlier",
        "everything is read",
    ],
)
def test_the_place_neither_misses_nor_doubles(stored: int | None, committed: Committed | None, expected: int) -> None:
    """The log is the truth of what it holds, Kafka tells what another log of the group has."""
    before = None if stored is None else Offset(stored, "A", 2)
    found = start(before, committed, Range(10, 100, "A"), _OWN)

    assert Start(Offset(expected, "A", 0 if stored is None else 2)) == found


@pytest.mark.parametrize("committed", [None, Committed(5, _OTHER), Committed(5, _OWN)])
def test_what_kafka_let_go_is_counted(committed: Committed | None) -> None:
    """Reading goes on with the first message there is, and says how many are missing."""
    found = start(Offset(5, "A"), committed, Range(10, 100, "A"), _OWN)

    assert Start(Offset(10, "A"), "expired", 5) == found


@pytest.mark.parametrize("end", [7, 1_000])
def test_a_topic_made_anew_is_read_from_its_beginning(end: int) -> None:
    """Its id tells, even when it has grown beyond what was read of the old one; its offsets are told apart."""
    found = start(Offset(50, "A", 1), Committed(50, _OWN), Range(0, end, "B"), _OWN)

    assert Start(Offset(0, "B", 2), "made_anew") == found


def test_another_log_has_begun_with_the_new_topic() -> None:
    """What it took of the new one isn't taken again."""
    found = start(Offset(50, "A"), Committed(3, _OTHER), Range(0, 7, "B"), _OWN)

    assert Start(Offset(3, "B", 1), "made_anew") == found


def test_without_ids_of_topics_the_end_tells() -> None:
    """Brokers before 2.8 know no ids: a partition that ends before what was read is another one."""
    assert Start(Offset(0, "", 1), "made_anew") == start(Offset(50), None, Range(0, 7), _OWN)
    assert Start(Offset(50)) == start(Offset(50), None, Range(0, 70), _OWN)


def test_a_partition_that_lost_its_end_goes_on_there() -> None:
    """The same topic ends before what was read: what will be written there are other messages."""
    found = start(Offset(50, "A"), Committed(50, _OWN), Range(0, 40, "A"), _OWN)

    assert Start(Offset(40, "A", 1), "cut_off") == found


_OFFSETS = st.integers(0, 20)


@given(
    stored=st.none() | st.builds(Offset, _OFFSETS, st.sampled_from(["", "A", "B"]), st.integers(0, 2)),
    committed=st.none() | st.builds(Committed, _OFFSETS, st.sampled_from(["", _OWN, _OTHER])),
    bounds=st.tuples(_OFFSETS, _OFFSETS).map(sorted),
    topic_id=st.sampled_from(["", "A"]),
)
def test_the_place_is_always_there(
    stored: Offset | None, committed: Committed | None, bounds: list[int], topic_id: str
) -> None:
    """Whatever is known, the place lies in the partition, and an offset that is used again is told apart."""
    first, end = bounds
    found = start(stored, committed, Range(first, end, topic_id), _OWN)

    assert first <= found.at.next <= end
    assert topic_id == found.at.topic_id
    if stored is not None and found.at.next < stored.next:
        assert found.at.incarnation > stored.incarnation
