"""The contract's "Events in", told by what lies in the log afterwards."""

from __future__ import annotations

import json
import uuid

from tests.acceptance.ingest_answers import NDJSON, assert_problem, codes, event
from tests.acceptance.server import Answer, Server


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
