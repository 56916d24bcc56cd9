"""The contract's "Events in" over HTTP, on the real process: what is accepted, and what each refusal says."""

from __future__ import annotations

import gzip
import json
import time

import pytest
import zstandard

from tests.acceptance.ingest_answers import NDJSON, assert_problem, codes, event
from tests.acceptance.server import Server

MIB = 1024 * 1024
NESTED = '{"event_type":"x","user_id":1,"properties":{"a":N}}'


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
        (NESTED.replace("N", "[" * 32 + "]" * 32), "too_deep", "properties"),
        (
            NESTED.replace("N", "[" * 100_000 + "]" * 100_000),
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
