"""Messages become rows and dead letters: against a plain reference, and the rules one by one."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.config import Settings
from appliance.errors import BodyError
from appliance.events.batch import split
from appliance.events.exact import parse_exactly
from appliance.events.normalise import normalise
from appliance.events.parsed import ParsedEvent, WireLimits
from appliance.events.rejection import Rejection
from appliance.events.row import EventRow
from appliance.events.wire import parse_event
from appliance.ingest.intake import Decoder
from appliance.ingest.kafka.chunk import Broken, Chunk, Message
from appliance.ingest.kafka.messages import MessageDecoder, Taken
from appliance.testing import START_US, SettableClock

_DECODER = Decoder(Settings(), SettableClock())
_MS = START_US // 1_000


def _decode(*messages: Message, incarnation: int = 0) -> Taken:
    taken = Taken()
    MessageDecoder(_DECODER).decode(Chunk("t", 2, messages[-1].offset + 1, list(messages)), incarnation, taken)
    return taken


def _message(value: object, offset: int = 7, key: bytes | None = None, **headers: bytes) -> Message:
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return Message(
        offset, _MS - 5_000, key, raw, tuple((name.replace("_", "-"), told) for name, told in headers.items())
    )


def _event(**fields: Any) -> dict[str, Any]:
    return {"event_type": "email_opened", "user_id": "u", "timestamp": "2025-12-31T23:00:00Z"} | fields


def _row(*messages: Message) -> EventRow:
    (row,) = _decode(*messages).rows
    return EventRow(*row)  # type: ignore[arg-type]


def _named(name: str) -> bytes:
    return uuid.uuid5(uuid.NAMESPACE_URL, name).bytes


def test_an_event_without_an_id_is_named_after_its_place() -> None:
    """By topic, partition, offset and number in the message: the same when it is read again."""
    taken = _decode(_message(_event(), 7), _message([_event(), _event()], 8))

    assert [_named(f"kafka:t:2:{place}") for place in ("7:0", "8:0", "8:1")] == [row[0] for row in taken.rows]


def test_a_topic_made_anew_names_its_events_otherwise() -> None:
    """Its offsets begin anew, and their events are not those of before."""
    (row,) = _decode(_message(_event()), incarnation=1).rows
    assert _named("kafka:t#1:2:7:0") == row[0]


def test_the_events_own_id_goes_before_the_headers() -> None:
    """The header names an event that doesn't name itself; blank is no name."""
    own, header = uuid.uuid4(), uuid.uuid4()
    told = (("event_id", str(header).encode()),)

    def named(**fields: Any) -> bytes:
        return _row(Message(7, _MS, None, json.dumps(_event(**fields)).encode(), told)).event_id

    assert own.bytes == named(event_id=str(own))
    assert [header.bytes] * 2 == [named(), named(event_id=" ")]
    blank = Message(7, _MS, None, json.dumps(_event()).encode(), (("event_id", b" "),))
    assert _named("kafka:t:2:7:0") == _row(blank).event_id


def test_a_header_names_each_event_of_an_array() -> None:
    """With its number behind it, so that two events don't get one name; a single one gets the name itself."""
    told = (("Event_ID", b"order-1"),)
    several = _decode(Message(7, _MS, None, json.dumps([_event(), _event()]).encode(), told))
    single = _decode(Message(7, _MS, None, json.dumps([_event()]).encode(), told))

    assert [_named("event:order-1:0"), _named("event:order-1:1")] == [row[0] for row in several.rows]
    assert [_named("event:order-1")] == [row[0] for row in single.rows]


@pytest.mark.parametrize("timestamp", [None, "", "  "])
def test_a_missing_time_is_the_messages(timestamp: str | None) -> None:
    """A blank one too; a message without any happened when it was received."""
    event = _event(timestamp=timestamp)
    without = Message(7, -1, None, json.dumps(event).encode())

    assert (_MS - 5_000) * 1_000 == _row(_message(event)).timestamp_us
    assert START_US == _row(without).timestamp_us
    assert START_US == _row(_message(event)).received_us


def test_a_messages_time_is_judged_as_an_events() -> None:
    """A producer with a wrong clock is told so; small numbers are milliseconds and not seconds."""
    event = json.dumps(_event(timestamp=None)).encode()
    taken = _decode(*(Message(number, ms, None, event) for number, ms in enumerate([_MS + 3_600_000, 0, 99_999_999])))

    assert ["timestamp_in_future", "timestamp_too_old", "timestamp_too_old"] == [x.code for x in taken.dead_letters]


def test_the_key_stands_in_for_a_missing_user() -> None:
    """Where the key is text; it never goes before what the event says."""
    assert "key" == _row(_message(_event(user_id=None), key=b"key")).user_id
    assert "key" == _row(_message(_event(user_id=" "), key=b"key")).user_id
    assert "u" == _row(_message(_event(), key=b"key")).user_id
    letters = _decode(_message(_event(user_id=None), key=b"\xff\xfe"), _message(_event(user_id=None))).dead_letters
    assert [("missing_field", "user_id")] * 2 == [(letter.code, letter.field) for letter in letters]


def test_a_message_without_a_value_is_passed_over() -> None:
    """It is counted and nothing else."""
    taken = _decode(_message(None, key=b"k"), _message(_event()))
    assert (2, 1, 1, 0) == (taken.messages, taken.nulls, len(taken.rows), len(taken.dead_letters))


@pytest.mark.parametrize(
    ("value", "headers", "code"),
    [
        (b"nonsense", {}, "invalid_json"),
        (b'{"event_type":"x"', {}, "invalid_json"),
        (b'\xff{"event_type":"x"}', {}, "invalid_json"),
        (b"", {}, "empty"),
        (b" \n", {}, "empty"),
        (b"[]", {}, "empty"),
        (b"5", {}, "not_an_object"),
        (b"[" + b"{}," * 50_000 + b"{}]", {}, "too_large"),
        (b" " * (10 * 1024 * 1024 + 1), {}, "too_large"),
        (b"{}", {"content_encoding": b"gzip"}, "bad_encoding"),
        (b"{}", {"content_encoding": b"br"}, "bad_encoding"),
    ],
)
def test_poison_goes_to_the_dead_letters_as_it_came(value: bytes, headers: dict[str, bytes], code: str) -> None:
    """With its bytes, its place and an id made of that; what stands around it is stored."""
    taken = _decode(_message(_event(), 6), _message(value, 7, **headers), _message(_event(), 8))
    (letter,) = taken.dead_letters

    assert (code, value, "t/2/7", "kafka") == (letter.code, letter.payload, letter.origin, letter.source)
    assert _named("kafka:t:2:7:0") == letter.id
    assert 2 == len(taken.rows)
    assert "body" not in letter.message


def test_one_bad_event_of_an_array_is_refused_alone() -> None:
    """With its own bytes and its number."""
    bad = _event(event_type="Bad Type")
    (letter,) = (taken := _decode(_message([_event(), bad, _event()]))).dead_letters

    assert ("bad_event_type", "t/2/7/1", json.dumps(bad).encode()) == (letter.code, letter.origin, letter.payload)
    assert _named("kafka:t:2:7:1") == letter.id
    assert 2 == len(taken.rows)


def test_lines_and_compressed_values_are_read_as_over_http() -> None:
    """The headers say what the value is, as those of a request do."""
    lines = json.dumps(_event()).encode() + b"\n\nx\n" + json.dumps(_event(user_id="v")).encode()
    taken = _decode(
        _message(lines, content_type=b"application/x-ndjson; charset=utf-8"),
        _message(gzip.compress(lines), 8, content_type=b"application/x-ndjson", content_encoding=b"gzip"),
        _message(zstandard.compress(json.dumps(_event()).encode()), 9, content_encoding=b"zstd"),
    )

    assert 5 == len(taken.rows)
    assert ["t/2/7/1", "t/2/8/1"] == [letter.origin for letter in taken.dead_letters]


def test_records_that_can_not_be_read_leave_a_letter() -> None:
    """What the broker's own records lost is kept with its place."""
    taken = Taken()
    chunk = Chunk("t", 2, 9, broken=Broken(7, "the checksum does not match", b"raw"))
    MessageDecoder(_DECODER).decode(chunk, 0, taken)
    (letter,) = taken.dead_letters

    assert ("bad_encoding", b"raw", "t/2/7") == (letter.code, letter.payload, letter.origin)


# Texts that are events, nearly events, and parts that would be events if they were put together.
_PLAIN = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["email_opened", "conversion", "my.type", "Bad"]),
        "user_id": st.sampled_from(["u", 5, "", None]),
    },
    optional={
        "event_id": st.sampled_from(["a", "b", "", 7, None, "x" * 201]),
        "timestamp": st.sampled_from(["2025-12-31T23:00:00Z", 1_767_225_000, None, "", "soon"]),
        "session_id": st.sampled_from(["s", None, 3]),
        "properties": st.sampled_from([{}, {"amount": 1.5}, {"a": {"b": [1, "x"]}}, {"q": 'say "x"\n'}, "", 5]),
        "extra": st.sampled_from([1, "x"]),
    },
)
_FRAGMENTS = [
    b'{"event_type":"email_opened","user_id":"u","properties":{"a":[{}',
    b"{}]}}",
    b'{"event_type":"email_opened"',
    b',"user_id":"u"}',
    b'{"event_type":"email_opened","user_id":"u"},{"event_type":"email_opened","user_id":"u"}',
    b'{"event_type":"email_opened","user_id":"u"}{"event_type":"email_opened","user_id":"u"}',
    b'{"event_type":"email_opened","user_id":"u","user_id":"v"}',
    b'{"event_type":"email_opened","user_id":"a',
    b'b"}',
    b'{\n"event_type":"email_opened",\r\n"user_id":"u","properties":{\n"a":1}}',
    b'{"event_type":"email_opened","user_id":"\\ud800"}',
    b'{"event_type":"email_opened","user_id":"\xff"}',
    b"{}",
    b"",
    b"\n",
    b"null",
]
_VALUES = st.one_of(
    _PLAIN.map(lambda event: json.dumps(event).encode()),
    st.lists(_PLAIN, max_size=3).map(lambda events: json.dumps(events).encode()),
    st.sampled_from(_FRAGMENTS),
    st.none(),
)
_HEADERS = st.lists(
    st.sampled_from(
        [
            ("event_id", b"h"),
            ("event_id", b"\xff"),
            ("content-type", b"application/x-ndjson"),
            ("content-type", b"a/b"),
            ("x", None),
        ]
    ),
    max_size=2,
)


@given(
    st.lists(
        st.tuples(_VALUES, st.sampled_from([None, b"key", b"\xff"]), _HEADERS, st.sampled_from([_MS, -1])),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=300, deadline=None)
def test_together_is_as_each_by_itself(sent: list[Any]) -> None:
    """However messages are parsed in one go, each comes out as the plain reference judges it alone, in order."""
    messages = [Message(offset, ms, key, value, tuple(told)) for offset, (value, key, told, ms) in enumerate(sent)]
    taken = _decode(*messages)
    expected = [outcome for message in messages for outcome in _reference(message)]

    assert [outcome for outcome in expected if isinstance(outcome, tuple) and len(outcome) > 3] == taken.rows
    assert [outcome for outcome in expected if len(outcome) == 3] == [
        (letter.code, letter.origin, letter.payload) for letter in taken.dead_letters
    ]


def _reference(message: Message) -> list[tuple[Any, ...]]:
    """Slow and plain: every event by itself, down the exact path; rows, and (code, origin, payload) of letters."""
    place = f"t/2/{message.offset}"
    if message.value is None:
        return []
    told = dict(message.headers)
    if told.get("event_id") == b"\xff":
        return [("bad_event_id", place, message.value)]
    is_lines = told.get("content-type") == b"application/x-ndjson"
    try:
        raws = split(message.value, "ndjson" if is_lines else "json", 50_000)
    except BodyError as fault:
        return [(fault.code, place, message.value)]
    several = is_lines or message.value.strip()[:1] == b"["
    found: list[tuple[Any, ...]] = []
    for index, raw in enumerate(raws):
        header = (told.get("event_id") or b"").decode()
        name = f"{header}:{index}" if header and len(raws) > 1 else header
        try:
            event = _completed(parse_exactly(raw, WireLimits()), message, name)
            row = normalise(event, _DECODER.intake("kafka"), _named(f"kafka:t:2:{message.offset}:{index}"))
            found.append(row)
        except Rejection as rejection:
            found.append((rejection.code, f"{place}/{index}" if several else place, raw))
    return found


def _completed(event: ParsedEvent, message: Message, name: str) -> ParsedEvent:
    if event.user_id in (None, "") and message.key == b"key":
        event = event._replace(user_id="key")
    if event.timestamp in (None, "") and message.timestamp_ms != -1:
        event = event._replace(timestamp=message.timestamp_ms)
    if event.event_id in (None, "") and name:
        event = event._replace(event_id=name)
    return event


def test_the_reference_and_the_parser_agree_on_plain_events() -> None:
    """So that the test above can't pass by two equal faults in the exact path."""
    raw = json.dumps(_event(properties={"a": 1})).encode()
    assert parse_event(raw, WireLimits()) == parse_exactly(raw, WireLimits())
