"""Record batches taken apart: the same as the library reads, whatever the codec and the offset asked for."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from kafka.structs import TopicPartition

from appliance.ingest.kafka.chunk import Chunk, Message
from appliance.ingest.kafka.records import CHUNK_MESSAGES, ChunkRecords

_TP = TopicPartition("t", 3)
_CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_RECORDS = st.lists(
    st.tuples(
        st.integers(0, 2**42),
        st.none() | st.binary(max_size=200),
        st.none() | st.binary(max_size=400),
        st.lists(st.tuples(st.text(max_size=9), st.none() | st.binary(max_size=90)), max_size=3),
    ),
    min_size=1,
    max_size=40,
)
_Record = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]


def _batch(records: list[_Record], base: int = 0, codec: int = 0, magic: int = 2) -> bytes:
    """A batch as brokers give it out: ``base`` is the offset of its first record."""
    builder = MemoryRecordsBuilder(magic, codec, 1 << 24)
    for timestamp, key, value, headers in records:
        builder.append(timestamp=timestamp, key=key, value=value, headers=headers)
    builder.close()
    made = bytearray(builder.buffer())
    # brokers give offsets, in a part of the header that the checksum leaves out
    struct.pack_into(">q", made, 0, base if magic == 2 else struct.unpack_from(">q", made)[0])
    return bytes(made)


def _read(data: bytes, offset: int, **options: Any) -> tuple[list[Chunk], int]:
    records = ChunkRecords(offset, _TP, MemoryRecords(data), **options)
    chunks: list[Chunk] = records.take(None)
    return chunks, records.next_fetch_offset


def _messages(chunks: list[Chunk]) -> list[Message]:
    return [message for chunk in chunks for message in chunk.messages]


def _by_library(data: bytes, offset: int) -> list[Message]:
    read = [record for batch in MemoryRecords(data) for record in batch]
    return [Message(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in read if r.offset >= offset]


@given(
    batches=st.lists(_RECORDS, min_size=1, max_size=4), skipped=st.integers(0, 60), codec=st.sampled_from(list(_CODECS))
)
@settings(max_examples=150, deadline=None)
def test_the_library_reads_the_same(batches: list[list[_Record]], skipped: int, codec: str) -> None:
    """Offsets, times, keys, values and headers of every batch, from any offset on."""
    base, data = 1_000, b""
    for records in batches:
        data += _batch(records, base, _CODECS[codec])
        base += len(records)
    chunks, following = _read(data, 1_000 + skipped)

    assert _by_library(data, 1_000 + skipped) == _messages(chunks)
    assert max(base, 1_000 + skipped) == following


def test_large_answers_come_in_pieces_that_can_be_stopped_between() -> None:
    """Whoever stops after a piece goes on behind it: the place to go on moves with each."""
    data = _batch([(1, None, b"x", [])] * (2 * CHUNK_MESSAGES + 5), 10)
    records = ChunkRecords(10, _TP, MemoryRecords(data))
    first = records.take(1)

    assert [CHUNK_MESSAGES] == [len(chunk.messages) for chunk in first]
    assert 10 + CHUNK_MESSAGES == first[0].next == records.next_fetch_offset
    assert [CHUNK_MESSAGES, 5] == [len(chunk.messages) for chunk in records.take(None)]


@pytest.mark.parametrize("codec", list(_CODECS))
def test_what_is_broken_is_told_and_passed(codec: str) -> None:
    """A batch whose checksum is wrong comes as such, with its bytes; the others are read."""
    good = [_batch([(1, None, b"a", [])], 0, _CODECS[codec]), _batch([(1, None, b"c", [])], 2, _CODECS[codec])]
    broken = bytearray(_batch([(1, None, b"b" * 50, [])], 1, _CODECS[codec]))
    broken[-3] ^= 0xFF
    chunks, following = _read(good[0] + bytes(broken) + good[1], 0)

    assert [0, 2] == [message.offset for message in _messages(chunks)]
    (told,) = [chunk for chunk in chunks if chunk.broken is not None]
    assert told.broken is not None
    assert (1, 2, bytes(broken)) == (told.broken.first, told.next, told.broken.raw)
    assert 3 == following


def test_records_that_are_not_well_formed_are_told() -> None:
    """With a right checksum and wrong records nothing is guessed."""
    made = bytearray(_batch([(1, b"k", b"value", [])], 5))
    made[-7] = 0x7E  # a value longer than the batch
    chunks, following = _read(bytes(made), 5, check_crcs=False)

    assert [] == _messages(chunks)
    assert [True] == [chunk.broken is not None for chunk in chunks]
    assert 6 == following


@pytest.mark.parametrize("magic", [0, 1])
def test_old_formats_are_read_too(magic: int) -> None:
    """Messages that were written long ago are messages."""
    builder = MemoryRecordsBuilder(magic, 0, 1 << 20)
    for number in range(3):
        builder.append(timestamp=5 if magic else None, key=None, value=b"%d" % number, headers=[])
    builder.close()
    chunks, following = _read(bytes(builder.buffer()), 1)

    assert [b"1", b"2"] == [message.value for message in _messages(chunks)]
    assert 3 == following


def test_nothing_is_raised_out_of_the_iteration() -> None:
    """What can't even be divided into batches is told, and the place moves on: the library would ask for ever."""
    chunks, following = _read(b"\0" * 61, 7)

    assert [7] == [chunk.broken.first for chunk in chunks if chunk.broken is not None]
    assert 8 == following
