"""Record batches of Kafka, taken apart for speed.

The library makes three objects of a message and reads each of its numbers by a call; here a batch goes through one
loop, at a fifth of the cost. What is private in the library, the buffer of a batch and the hook in its fetcher, is used
in this file alone, and its tests hold it to what the library itself reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from kafka.consumer.fetcher import Fetcher
from kafka.protocol.consumer import IsolationLevel
from kafka.record.util import decode_varint

from appliance.ingest.kafka.chunk import Broken, Chunk, Header, Message

CHUNK_MESSAGES: Final = 1_000
CHUNK_BYTES: Final = 1 << 20
_SMALL: Final = 0x80  # a varint below it is one byte
_APPEND_TIME: Final = 1


class BrokenBatch(Exception):
    """The records of a batch are not what its header says."""


class ChunkRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """Stands in the fetcher for the class of the same purpose: the answer of a partition comes as ``Chunk`` objects.

    Nothing may be raised out of the iteration: the library would go on asking the same dead iterator for ever.
    """

    def _maybe_skip_record(self, _: Chunk) -> bool:
        return False  # ``_read`` has passed over what comes before the offset asked for

    def _unpack_records(self, tp: Any, records: Any, *_: Any) -> Iterator[Chunk]:
        """``next_fetch_offset``, from where the library goes on, moves before a chunk is handed over."""
        try:
            for chunk in self._chunks(tp, records):
                self.next_fetch_offset = chunk.next
                self.records_read += len(chunk.messages)
                self.bytes_read += 1  # something came: the fetcher lets other partitions have their turn
                yield chunk
        except Exception as fault:  # noqa: BLE001 - whatever it was: the one who polls decides what becomes of it
            first = self.next_fetch_offset
            self.next_fetch_offset = first + 1
            broken = Broken(first, str(fault) or type(fault).__name__, b"")
            yield Chunk(tp.topic, tp.partition, first + 1, broken=broken)
        self.drain()

    def _chunks(self, tp: Any, records: Any) -> Iterator[Chunk]:
        chunk = Chunk(tp.topic, tp.partition, self.fetch_offset)
        size = 0
        while (batch := records.next_batch()) is not None:
            try:
                messages = self._read(batch)
            except Exception as fault:
                if batch.magic < 2:  # such a batch doesn't say where it ends
                    raise
                if chunk.next > self.next_fetch_offset:
                    yield chunk
                broken = Broken(max(batch.base_offset, chunk.next), str(fault) or type(fault).__name__, _raw(batch))
                yield Chunk(tp.topic, tp.partition, batch.next_offset, broken=broken)
                chunk, size = Chunk(tp.topic, tp.partition, batch.next_offset), 0
                continue
            for message in messages:
                chunk.messages.append(message)
                chunk.next = message.offset + 1
                size += len(message.value or b"")
                if len(chunk.messages) >= CHUNK_MESSAGES or size >= CHUNK_BYTES:
                    yield chunk
                    chunk, size = Chunk(tp.topic, tp.partition, chunk.next), 0
            if batch.magic == 2:  # the last messages of a batch may have been compacted away
                chunk.next = max(chunk.next, batch.next_offset)
        if chunk.next > self.next_fetch_offset:
            yield chunk

    def _read(self, batch: Any) -> list[Message]:
        """The messages of a batch from the offset asked for on; none of a control batch or an aborted transaction."""
        if self.check_crcs and not batch.validate_crc():
            raise BrokenBatch("the checksum does not match")
        if batch.magic < 2:
            found = [Message(r.offset, r.timestamp if r.timestamp is not None else -1, r.key, r.value) for r in batch]
        else:
            self.leader_epoch = batch.leader_epoch
            if self._is_passed_over(batch):
                return []
            found = read_batch(batch)
        if found and found[0].offset < self.fetch_offset:
            return [message for message in found if message.offset >= self.fetch_offset]
        return found

    def _is_passed_over(self, batch: Any) -> bool:
        if self.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return True
        return bool(batch.is_control_batch)


def read_batch(batch: Any) -> list[Message]:
    """The messages of a batch of format 2 that was not read before; raises ``BrokenBatch`` and what codecs raise."""
    data, position = bytes(iter(batch)._buffer), batch._pos  # noqa: SLF001 - iter() has inflated it
    appended_ms = batch.max_timestamp if batch.timestamp_type == _APPEND_TIME else None
    try:
        messages = _read_all(data, position, batch.records_count, batch.base_offset, batch.first_timestamp)
    except (IndexError, ValueError) as fault:
        raise BrokenBatch(f"the records are not well formed: {fault}") from fault
    if appended_ms is not None:
        return [message._replace(timestamp_ms=appended_ms) for message in messages]
    return messages


def _read_all(data: bytes, position: int, count: int, base_offset: int, base_ms: int) -> list[Message]:
    """``count`` records; the numbers before a key are mostly of one byte each, and a call for each would cost most."""
    messages: list[Message] = []
    make = tuple.__new__
    for _ in range(count):
        length, position = decode_varint(data, position)
        end = position + length
        number = data[position + 1]  # behind the attributes, which are none
        if number < _SMALL:
            later_ms, position = (number >> 1) ^ -(number & 1), position + 2
        else:
            later_ms, position = decode_varint(data, position + 1)
        number = data[position]
        if number < _SMALL:
            delta, position = (number >> 1) ^ -(number & 1), position + 1
        else:
            delta, position = decode_varint(data, position)
        key, position = _read_bytes(data, position)
        value, position = _read_bytes(data, position)
        number = data[position]
        position += 1
        headers: tuple[Header, ...] = ()
        if number:
            headers, position = _read_headers(data, position - 1)
        if position != end:
            raise BrokenBatch("a record is not as long as it says")
        messages.append(make(Message, (base_offset + delta, base_ms + later_ms, key, value, headers)))
    if position != len(data):
        raise BrokenBatch("there are bytes behind the last record")
    return messages


def _read_bytes(data: bytes, position: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(data, position)
    if length < 0:
        return None, position
    end = position + length
    return data[position:end], end


def _read_headers(data: bytes, position: int) -> tuple[tuple[Header, ...], int]:
    count, position = decode_varint(data, position)
    if count < 0:
        raise BrokenBatch("a record has a negative number of headers")
    headers: list[Header] = []
    for _ in range(count):
        name, position = _read_bytes(data, position)
        value, position = _read_bytes(data, position)
        headers.append(((name or b"").decode("utf-8", "replace"), value))
    return tuple(headers), position


def _raw(batch: Any) -> bytes:
    return bytes(batch._buffer)  # noqa: SLF001
