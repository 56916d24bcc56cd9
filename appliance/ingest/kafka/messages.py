"""Messages of Kafka become rows and dead letters, by the rules of every other way in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from appliance.clock import iso
from appliance.errors import BodyError
from appliance.events.batch import Framing, split
from appliance.events.keys import uuid5_bytes
from appliance.events.normalise import Intake, normalise
from appliance.events.parsed import ParsedEvent
from appliance.events.rejection import DeadLetter, Rejection
from appliance.events.row import Row
from appliance.events.wire import parse_array, parse_each, parse_event
from appliance.ingest.inflate import ENCODINGS, inflate
from appliance.ingest.intake import Decoder
from appliance.ingest.kafka.chunk import NO_TIMESTAMP, Broken, Chunk, Message

SOURCE: Final = "kafka"
# Messages that are parsed in one go: one that isn't plain sends no more than these down the slower path.
_TOGETHER: Final = 256
# Smaller numbers are taken for seconds where a timestamp is a number.
_SURELY_MILLISECONDS: Final = 100_000_000_000
_BLANKS: Final = b" \t\r\n"
_ARRAY: Final = re.compile(rb"[ \t\r\n]*\[")


@dataclass(slots=True)
class Taken:
    """What became of messages. Of an event each is either a row or a letter; of a null message nothing."""

    rows: list[Row] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    messages: int = 0
    nulls: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Headers:
    """What a message's headers say of its value; ``event_id`` is empty where none names it."""

    framing: Framing = "json"
    encoding: str | None = None
    event_id: str = ""

    @property
    def plain(self) -> bool:
        return self.framing == "json" and self.encoding is None


_NONE: Final = _Headers()


@dataclass(frozen=True, slots=True)
class MessageDecoder:
    """Judges messages by the settings in force; no state, any thread."""

    decoder: Decoder

    def decode(self, chunk: Chunk, incarnation: int, taken: Taken) -> None:
        """Add what the chunk's messages bring to ``taken``. Raises nothing for what a message holds."""
        judge = _Judge(self.decoder, self.decoder.intake(SOURCE), chunk.topic, chunk.partition, incarnation, taken)
        taken.messages += len(chunk.messages)
        valued = [message for message in chunk.messages if message.value is not None]
        taken.nulls += len(chunk.messages) - len(valued)
        remaining = iter(valued)
        while together := list(islice(remaining, _TOGETHER)):
            judge.messages(together)
        if chunk.broken is not None:
            judge.broken(chunk.broken)


@dataclass(frozen=True, slots=True)
class _Judge:
    decoder: Decoder
    intake: Intake
    topic: str
    partition: int
    incarnation: int
    taken: Taken

    def messages(self, messages: Sequence[Message]) -> None:
        """Judge messages that have values; in one go where all are plain events."""
        values: list[bytes] = [message.value for message in messages]  # type: ignore[misc]
        self.taken.size_bytes += sum(map(len, values))
        try:
            headers = [_read_headers(message) for message in messages] if any(m.headers for m in messages) else None
            parsed = parse_each(values, self.decoder.wire_limits) if headers is None or _all_plain(headers) else None
        except Rejection:
            headers, parsed = None, None
        if parsed is None:
            for message in messages:
                self._message(message)
            return
        for message, told, event in zip(messages, headers or [_NONE] * len(messages), parsed, strict=True):
            self._take(message, 0, event, told.event_id)

    def broken(self, broken: Broken) -> None:
        """Keep what can't be taken apart at all."""
        rejection = Rejection("bad_encoding", None, f"the broker's records can't be read: {broken.reason}")
        self._refuse(broken.first, None, broken.raw, rejection)

    def _message(self, message: Message) -> None:
        value = message.value or b""
        try:
            headers = _read_headers(message)
            body = self._body(value, headers)
            if headers.framing == "json" and not _ARRAY.match(body):
                (raw,) = split(body, "json", 1)
                self._event(message, None, raw, headers.event_id)
            else:
                self._events(message, body, headers)
        except BodyError as fault:
            code = fault.code if fault.code in {"empty", "too_large", "bad_encoding"} else "invalid_json"
            self._refuse(message.offset, None, value, Rejection(code, None, _without_limits(fault)))
        except Rejection as rejection:
            self._refuse(message.offset, None, value, rejection)

    def _body(self, value: bytes, headers: _Headers) -> bytes:
        ingest = self.decoder.settings.ingest
        if len(value) > ingest.max_wire_bytes:
            raise BodyError("too_large", f"send at most {ingest.max_wire_bytes:,} bytes a message")
        return value if headers.encoding is None else inflate(value, headers.encoding, ingest.max_inflated_bytes)

    def _events(self, message: Message, body: bytes, headers: _Headers) -> None:
        """Each event of an array or of lines, under its number."""
        most = self.decoder.settings.ingest.max_events
        parsed = parse_array(body.strip(_BLANKS), self.decoder.wire_limits) if headers.framing == "json" else None
        raws = split(body, headers.framing, most) if parsed is None or not 0 < len(parsed) <= most else None
        for index, (raw, event_id) in enumerate(_numbered(raws or parsed or [], headers.event_id)):
            if raws is not None:
                self._event(message, index, raw, event_id)
                continue
            try:
                self._add(message, index, raw, event_id)
            except Rejection as rejection:
                self._refuse(message.offset, index, split(body, "json", most)[index], rejection)

    def _event(self, message: Message, index: int | None, raw: bytes, event_id: str) -> None:
        try:
            self._add(message, index or 0, parse_event(raw, self.decoder.wire_limits), event_id)
        except Rejection as rejection:
            self._refuse(message.offset, index, raw, rejection)

    def _take(self, message: Message, index: int, event: ParsedEvent, event_id: str) -> None:
        try:
            self._add(message, index, event, event_id)
        except Rejection as rejection:
            self._refuse(message.offset, None, message.value or b"", rejection)

    def _add(self, message: Message, index: int, event: ParsedEvent, event_id: str) -> None:
        """Store an event, with what the message knows where the event says nothing. Raises ``Rejection``."""
        _, user_id, timestamp, _, _, own_id, *_ = event
        if _is_missing(timestamp) and message.timestamp_ms != NO_TIMESTAMP:
            event = event._replace(timestamp=_instant(message.timestamp_ms))
        if _is_missing(user_id) and message.key is not None:
            event = event._replace(user_id=_text(message.key))
        derived = None
        if _is_missing(own_id):
            if event_id:
                event = event._replace(event_id=event_id)
            else:
                derived = self._id(message.offset, index)
        self.taken.rows.append(normalise(event, self.intake, derived))

    def _refuse(self, offset: int, index: int | None, payload: bytes, rejection: Rejection) -> None:
        place = f"{self.topic}/{self.partition}/{offset}"
        self.taken.dead_letters.append(
            DeadLetter(
                self.intake.received_us,
                SOURCE,
                rejection.code,
                rejection.field,
                rejection.message,
                payload,
                place if index is None else f"{place}/{index}",
                self._id(offset, index or 0),
            )
        )

    def _id(self, offset: int, index: int) -> bytes:
        # no topic's name holds a number sign
        topic = f"{self.topic}#{self.incarnation}" if self.incarnation else self.topic
        return uuid5_bytes(f"kafka:{topic}:{self.partition}:{offset}:{index}".encode())


def _read_headers(message: Message) -> _Headers:
    """Raises ``Rejection`` for an encoding that is not known and for an id that is no text."""
    if not message.headers:
        return _NONE
    # of a name that comes twice the last counts, as in Kafka's own clients
    named = {name.strip().lower(): value or b"" for name, value in message.headers}
    media_type = named.get("content-type", b"").partition(b";")[0].strip().lower()
    encoding = named.get("content-encoding", b"").decode("latin-1").strip().lower().removeprefix("x-")
    if encoding not in {"", "identity", *ENCODINGS}:
        raise Rejection("bad_encoding", None, "the header content-encoding must be gzip, zstd or identity")
    try:
        event_id = named.get("event_id", b"").decode()
    except UnicodeDecodeError as fault:
        raise Rejection("bad_event_id", "event_id", "the header event_id is not UTF-8") from fault
    return _Headers(
        "ndjson" if media_type == b"application/x-ndjson" else "json",
        encoding if encoding in ENCODINGS else None,
        "" if event_id.isspace() else event_id,
    )


def _all_plain(headers: Iterable[_Headers]) -> bool:
    return all(told.plain for told in headers)


def _numbered(events: Sequence[Any], event_id: str) -> Iterator[tuple[Any, str]]:
    """Each event with the id that the message's header gives it: one header can't name several events alike."""
    for index, event in enumerate(events):
        yield event, f"{event_id}:{index}" if event_id and len(events) > 1 else event_id


def _is_missing(value: object) -> bool:
    return value is None or (type(value) is str and (not value or value.isspace()))


def _instant(timestamp_ms: int) -> int | str:
    if timestamp_ms >= _SURELY_MILLISECONDS:
        return timestamp_ms
    try:
        return iso(timestamp_ms * 1_000)
    except OverflowError:
        return ""


def _text(key: bytes) -> str | None:
    try:
        return key.decode() if b"\0" not in key else None
    except UnicodeDecodeError:
        return None


def _without_limits(fault: BodyError) -> str:
    return fault.message.replace("the body", "the message").replace(" a request", " a message")
