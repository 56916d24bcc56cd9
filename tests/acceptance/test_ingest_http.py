"""The contract's "Events in" over HTTP, on the real process: what is accepted, and what each refusal says."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from typing import Any

import pytest
import zstandard

from tests.acceptance.server import Answer, Server

NDJSON = {"Content-Type": "application/x-ndjson"}
MIB = 1024 * 1024


def event(**fields: Any) -> dict[str, Any]:
    return {"event_type": "page_view", "user_id": "u1", **fields}


def codes(answer: Answer) -> list[tuple[int, str, str | None]]:
    return [(fault["index"], fault["code"], fault["field"]) for fault in answer.json()["rejected"]]


def assert_problem(answer: Answer, status: int, code: str) -> None:
    """RFC 9457 with the stable code."""
    assert (status, "application/problem+json") == (answer.status, answer.headers["content-type"]), answer.body
    problem = answer.json()
    assert (status, code) == (problem["status"], problem["code"])
    assert {"type", "title", "detail"} <= problem.keys()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (json.dumps(event()).encode(), {}),
        (json.dumps([event()]).encode(), {"Content-Type": "application/json"}),
        (json.dumps([event()]).encode(), {"Content-Type": "Application/JSON; charset=utf-8"}),
        (json.dumps(event()).encode(), {"Content-Type": "text/plain;charset=UTF-8"}),
        (json.dumps(event()).encode() + b"\r\n\r\n", NDJSON),
        (gzip.compress(json.dumps(event()).encode()), {"Content-Encoding": "gzip"}),
        (gzip.compress(b"[") + gzip.compress(json.dumps(event()).encode() + b"]"), {"Content-Encoding": "GZIP"}),
        (zstandard.compress(json.dumps(event()).encode()), {"Content-Encoding": "zstd"}),
        (gzip.compress(json.dumps(event()).encode()), {"Content-Encoding": "gzip", **NDJSON}),
    ],
    ids=["no type", "array", "parameters", "beacon", "ndjson", "gzip", "two members", "zstd", "gzip of ndjson"],
)
def test_every_framing_and_encoding_is_taken(shared_server: Server, body: bytes, headers: dict[str, str]) -> None:
    """One object, an array or NDJSON; as it is, gzip or zstd: 202 with the counts."""
    answer = shared_server.post(body, headers)
    assert (202, "application/json") == (answer.status, answer.headers["content-type"]), answer.body
    assert {"accepted": 1, "duplicates": 0, "rejected": []} == answer.json()


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "empty"),
        (b" \r\n", {}, 400, "empty"),
        (b"[]", {}, 400, "empty"),
        (b"\n\r\n \n", NDJSON, 400, "empty"),
        (gzip.compress(b""), {"Content-Encoding": "gzip"}, 400, "empty"),
        (b'[{"event_type":"x","user_id":1},{"a":NaN}]', {}, 400, "invalid_json"),
        (b'{"event_type":"x","user_id":"\xff"}', {}, 400, "invalid_json"),
        (b'{"event_type":"x","user_id":1}\n{"event_type":"x","user_id":1}', {}, 400, "invalid_json"),
        (b'{"event_type":"x"', {}, 400, "invalid_json"),
        (gzip.compress(b"[{}]")[:-9], {"Content-Encoding": "gzip"}, 400, "bad_encoding"),
        (zstandard.compress(b"[{}]")[:-1], {"Content-Encoding": "zstd"}, 400, "bad_encoding"),
        (b"not compressed", {"Content-Encoding": "gzip"}, 400, "bad_encoding"),
        (b"{}", {"Content-Type": "application/xml"}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        (b"{}", {"Content-Encoding": "br"}, 415, "unsupported_encoding"),
        (b"{}", {"Content-Encoding": "gzip, gzip"}, 415, "unsupported_encoding"),
    ],
)
def test_a_body_that_cannot_be_taken_as_a_whole(
    shared_server: Server, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """Its code and status, and nothing is said of single events."""
    answer = shared_server.post(body, headers)
    assert_problem(answer, status, code)
    assert "rejected" not in answer.json()


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        ("5", "not_an_object", None),
        ("[]", "not_an_object", None),
        ('{"user_id":1}', "missing_field", "event_type"),
        ('{"event_type":"x"}', "missing_field", "user_id"),
        ('{"event_type":"x","user_id":null}', "missing_field", "user_id"),
        ('{"event_type":"x","user_id":"  "}', "missing_field", "user_id"),
        ('{"event_type":"x","user_id":1.5}', "wrong_type", "user_id"),
        ('{"event_type":"x","user_id":true}', "wrong_type", "user_id"),
        ('{"event_type":7,"user_id":1}', "wrong_type", "event_type"),
        ('{"event_type":"X","user_id":1}', "bad_event_type", "event_type"),
        ('{"event_type":"x","user_id":1,"properties":[]}', "wrong_type", "properties"),
        ('{"event_type":"x","user_id":1,"session_id":{}}', "wrong_type", "session_id"),
        ('{"event_type":"x","user_id":"%s"}' % ("u" * 201), "too_long", "user_id"),
        ('{"event_type":"x","user_id":1,"campaign_id":"%s"}' % ("c" * 201), "too_long", "campaign_id"),
        ('{"event_type":"x","user_id":1,"event_id":"%s"}' % ("e" * 201), "too_long", "event_id"),
        ('{"event_type":"x","user_id":1,"event_id":[]}', "bad_event_id", "event_id"),
        ('{"event_type":"x","user_id":1,"timestamp":"yesterday"}', "bad_timestamp", "timestamp"),
        ('{"event_type":"x","user_id":1,"timestamp":"2001-01-01"}', "timestamp_too_old", "timestamp"),
        ('{"event_type":"x","user_id":1,"timestamp":4000000000}', "timestamp_in_future", "timestamp"),
        ('{"event_type":"conversion","user_id":1,"properties":{"revenue":"much"}}', "bad_amount", "properties.revenue"),
        ('{"event_type":"conversion","user_id":1,"properties":{"amount":1e14}}', "bad_amount", "properties.amount"),
        (
            '{"event_type":"conversion","user_id":1,"properties":{"value":1,"currency":"XYZ"}}',
            "bad_currency",
            "properties.currency",
        ),
        ('{"event_type":"x","user_id":1,"user_id":2}', "duplicate_key", "user_id"),
        ('{"event_type":"x","user_id":1,"properties":{"a":1,"\\u0061":2}}', "duplicate_key", "properties.a"),
        ('{"event_type":"x","user_id":"a\\u0000"}', "bad_encoding", "user_id"),
        ('{"event_type":"x","user_id":1,"properties":{"a":"\\ud800"}}', "bad_encoding", "properties.a"),
        ('{"event_type":"x","user_id":1,"properties":{"a":1e999}}', "too_large", "properties.a"),
        ('{"event_type":"x","user_id":1,"properties":{"a":"%s"}}' % ("a" * 32_761), "too_large", "properties"),
        ('{"event_type":"x","user_id":1,"properties":{"a":%s%s}}' % ("[" * 32, "]" * 32), "too_deep", "properties"),
        (
            '{"event_type":"x","user_id":1,"properties":{"a":%s%s}}' % ("[" * 100_000, "]" * 100_000),
            "too_deep",
            "properties",
        ),
    ],
)
def test_a_bad_event_is_rejected_alone(shared_server: Server, bad: str, code: str, field: str | None) -> None:
    """In an array and in NDJSON the others are accepted; index, code, field and message say what was wrong."""
    good = json.dumps(event())
    array = shared_server.post(f"[{good},{bad},{good}]".encode())
    lines = shared_server.post(f"\n{good}\r\n \n{bad}\n{good}\n".encode(), NDJSON)
    for answer in (array, lines):
        assert 202 == answer.status
        assert 2 == answer.json()["accepted"]
        assert [(1, code, field)] == codes(answer)
        assert answer.json()["rejected"][0]["message"]


def test_a_broken_line_is_rejected_alone(shared_server: Server) -> None:
    """Syntax, NaN and invalid UTF-8 cost one line of NDJSON; ``index`` counts non-blank lines from 0."""
    good = json.dumps(event()).encode()
    body = b"\n".join((b"", b"{broken", good, b" \t\r", b'{"a":NaN}', b'{"event_type":"x","user_id":"\xff"}', good))
    answer = shared_server.post(body, NDJSON)
    assert (202, 2) == (answer.status, answer.json()["accepted"])
    assert [(0, "invalid_json", None), (2, "invalid_json", None), (3, "invalid_json", None)] == codes(answer)


def test_limits_are_exact(shared_server: Server) -> None:
    """What is just within a limit is taken."""
    fits = event(
        user_id="é" * 200, session_id="s" * 200, event_type="a" + "b" * 63, properties={"a": "a" * (32_768 - 8)}
    )
    body = json.dumps(fits, separators=(",", ":"), ensure_ascii=False).encode()
    deep = b'{"event_type":"x","user_id":1,"properties":{"a":' + b"[" * 31 + b"]" * 31 + b"}}"
    soon = event(timestamp=time.time() + 590)
    assert 1 == shared_server.post(body).json()["accepted"]
    assert 1 == shared_server.post(deep).json()["accepted"]
    assert 1 == shared_server.post(soon).json()["accepted"]


def test_too_much_is_413(shared_server: Server) -> None:
    """10 MiB on the wire, 64 MiB inflated and 50,000 events are the most, and the sender hears it."""
    line = b'{"event_type":"x","user_id":1}\n'
    padded = line + b" " * (10 * MIB - len(line))
    assert 202 == shared_server.post(padded, NDJSON).status
    assert_problem(shared_server.post(padded + b" ", NDJSON), 413, "too_large")
    assert 202 == shared_server.post(line * 50_000, NDJSON).status
    assert_problem(shared_server.post(line * 50_001, NDJSON), 413, "too_large")
    assert_problem(shared_server.post(b"[" + b"0," * 2_000_000 + b"0]"), 413, "too_large")
    fits = gzip.compress(line + b" " * (64 * MIB - len(line)), 1)
    assert 202 == shared_server.post(fits, {"Content-Encoding": "gzip"}).status
    for encoding, bomb in (
        ("gzip", gzip.compress(b" " * (64 * MIB + 1), 1)),
        ("zstd", zstandard.compress(b"\n" * (512 * MIB))),
    ):
        assert_problem(shared_server.post(bomb, {"Content-Encoding": encoding}), 413, "too_large")


def test_other_methods_are_405(shared_server: Server) -> None:
    """``Allow`` names the one there is; HEAD has no body."""
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = shared_server.request(method, "/v1/events", b"{}" if method == "PUT" else None)
        assert (405, "POST") == (answer.status, answer.headers["allow"]), method
        assert (b"" == answer.body) == (method == "HEAD")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
    ],
)
def test_a_foreign_page_gets_403(shared_server: Server, headers: dict[str, str]) -> None:
    """Open mode: a Host that is no loopback name, another's Origin, and unannounced proxies."""
    assert_problem(shared_server.post(event(), headers), 403, "forbidden")


def test_its_own_pages_may_send(shared_server: Server) -> None:
    """Loopback names as Host, and as Origin this host with either port."""
    for headers in (
        {"Host": "localhost"},
        {"Host": f"[::1]:{shared_server.port}"},
        {"Origin": shared_server.url},
        {"Origin": shared_server.ui_url},
    ):
        assert 202 == shared_server.post(event(), headers).status, headers


def test_ids_are_stored_once(server: Server) -> None:
    """A UUID in any letter case is itself, other text and integers UUIDv5; the first to come wins, also after kill."""
    given = "0190B2A8-7C1E-7D3A-9C52-00000000000A"
    first = [event(event_id=given, user_id="first"), event(event_id="order-1"), event(event_id=7), event(event_id=" ")]
    assert {"accepted": 4, "duplicates": 0, "rejected": []} == server.post(first).json()
    again = [event(event_id=given.lower(), user_id="second"), event(event_id="order-1"), event(event_id="7")]
    assert (202, 0, 3) == _counts(server.post(again))
    server.kill()
    server.restart()
    assert (202, 0, 3) == _counts(server.post(again))
    assert (202, 1, 1) == _counts(server.post([event(event_id="twice"), event(event_id="twice", user_id="late")]))
    due = {(uuid.UUID(given), "first")}
    due |= {(uuid.uuid5(uuid.NAMESPACE_URL, f"event:{text}"), "u1") for text in ("order-1", "7", "twice")}
    assert due == set(server.stored("SELECT event_id, user_id FROM events WHERE id_given"))
    assert [(1,)] == server.stored("SELECT count(*) FROM events WHERE NOT id_given")


def _counts(answer: Answer) -> tuple[int, int, int]:
    told = answer.json()
    return answer.status, told["accepted"], told["duplicates"]


def test_a_batch_under_an_idempotency_key_is_stored_once(server: Server) -> None:
    """The same key and bytes are known again, also with a rejected event taken out; equal events are counted."""
    key = {"Idempotency-Key": "batch-1"}
    one, two = '{"event_type":"x","user_id":1}', '{"event_type":"x","user_id":2}'
    first = server.post(f"[{one},{two},5,{one}]".encode(), key)
    assert (202, 3, 0) == _counts(first)
    assert (202, 0, 3) == _counts(server.post(f"[{one},{two},{one}]".encode(), key))
    assert (202, 0, 3) == _counts(server.post(f"{one}\n{one}\n{two}".encode(), key | NDJSON))
    server.restart()
    assert (202, 1, 1) == _counts(server.post(f"[{two},{two}]".encode(), key))
    assert (202, 3, 0) == _counts(server.post(f"[{one},{two},{one}]".encode(), {"Idempotency-Key": "batch-2"}))
    assert (202, 3, 0) == _counts(server.post(f"[{one},{two},{one}]".encode()))
    given = '{"event_type":"x","user_id":1,"event_id":"mine"}'
    assert (202, 1, 0) == _counts(server.post(given.encode(), key))
    assert (202, 0, 1) == _counts(server.post(given.encode()))
    assert_problem(server.post(one.encode(), {"Idempotency-Key": "k" * 201}), 400, "bad_argument")


def test_what_was_sent_is_what_is_stored(server: Server) -> None:
    """Fields as the contract reads them: untrimmed text, blanks as missing, unknown fields in properties."""
    sent = [
        event(user_id=" A\u0301 ", session_id=12, campaign_id="  ", timestamp=1_790_000_000, properties=None),
        event(user_id=10**24, timestamp=1_790_000_000_123, color="red", properties={"color": "blue", "n": 1}),
        event(timestamp=1_790_000_000_123_456, properties="", plan="pro", received_at="2020-01-01"),
        event(event_type="conversion", timestamp="2026-09-21T16:53:20.5+02:00", properties={"revenue": "0.00015"}),
    ]
    exact = b'{"event_type":"conversion","user_id":"e","amount":12345678901234.5678,"properties":{"currency":"eur"}}'
    assert 4 == server.post(sent).json()["accepted"]
    assert 1 == server.post(exact).json()["accepted"]
    rows = server.stored(
        "SELECT user_id, session_id, campaign_id, epoch_us(timestamp), amount::VARCHAR, currency, properties "
        "FROM events ORDER BY seq"
    )
    assert [
        (" A\u0301 ", "12", None, 1_790_000_000_000_000, None, None, {}),
        ("1" + "0" * 24, None, None, 1_790_000_000_123_000, None, None, {"color": "blue", "n": 1}),
        ("u1", None, None, 1_790_000_000_123_456, None, None, {"plan": "pro"}),
        ("u1", None, None, 1_790_002_400_500_000, "0.0002", "USD", {"revenue": "0.00015"}),
    ] == [(*row[:-1], json.loads(row[-1])) for row in rows[:4]]
    assert ("12345678901234.5678", "EUR") == rows[4][4:6]
    assert '"amount":12345678901234.5678' in rows[4][6]


def test_rejected_events_lie_in_the_dead_letters(server: Server) -> None:
    """Each as it came, with its code and field; a body refused as a whole leaves nothing."""
    assert 202 == server.post(b'[{"event_type":"x","user_id":1},{"event_type":"x" , "user_id":[]}]').status
    nothing = server.post(b'\xff\n{"event_type":"x"}', NDJSON)
    assert_problem(nothing, 400, "invalid_json")
    assert [(0, "invalid_json", None), (1, "missing_field", "user_id")] == codes(nothing)
    assert_problem(server.post(b'[{"event_type":"x","user_id":1},{]'), 400, "invalid_json")
    assert [
        ("http", "invalid_json", None, b"\xff"),
        ("http", "missing_field", "user_id", b'{"event_type":"x"}'),
        ("http", "wrong_type", "user_id", b'{"event_type":"x" , "user_id":[]}'),
    ] == server.stored("SELECT source, code, field, payload FROM dead_letters ORDER BY code")
    assert [(1,)] == server.stored("SELECT count(*) FROM events")
