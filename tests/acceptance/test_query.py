"""Read-only SQL as its callers meet it: over HTTP, with everything that somebody may try."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.conftest import StartServer
from tests.acceptance.server import Answer, Server
from tests.unit.query.attacks import BOMBS, NOT_ALLOWED
from tests.unit.query.test_sql_pool import ENDLESS

_SECRET = "the-secret-of-this-machine"
_GROUPS = sorted({name.partition(":")[0] for name in NOT_ALLOWED})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An appliance with some events, whose queries may take little."""
    folder = tmp_path_factory.mktemp("sql")
    (folder / "secret.csv").write_text(f"{_SECRET}\n")
    settings = {"APPLIANCE__QUERY__TIMEOUT_SECONDS": "1", "APPLIANCE__QUERY__MEMORY_LIMIT": "64MB"}
    server = Server(folder, settings | {"MARKER": _SECRET})
    server.start()
    server.post([_event(number) for number in range(500)])
    yield server
    if server.process.running:
        server.kill()


def _event(number: int) -> dict[str, object]:
    return {"event_type": "email_opened", "user_id": f"u{number % 50}", "properties": {"country": "DE", "n": number}}


def _ask(server: Server, sql: str) -> Answer:
    return server.request("POST", "/v1/query", json.dumps({"sql": sql}).encode(), {"content-type": "application/json"})


def _count(server: Server) -> int:
    answer = _ask(server, "SELECT count(*) FROM events")
    assert 200 == answer.status, answer.body
    count: int = answer.json()["rows"][0][0]
    return count


def test_an_answer(server: Server) -> None:
    """Columns with names and types, rows, how many, whether there are more, how long it took."""
    answer = _ask(
        server, "SELECT properties->>'country' AS country, count(DISTINCT user_id) AS n FROM events GROUP BY ALL"
    )
    assert 200 == answer.status
    told = answer.json()
    assert isinstance(told.pop("elapsed_ms"), int)
    assert {
        "columns": [{"name": "country", "type": "VARCHAR"}, {"name": "n", "type": "BIGINT"}],
        "rows": [["DE", 50]],
        "row_count": 1,
        "truncated": False,
    } == told


@pytest.mark.parametrize("group", _GROUPS)
def test_no_attack_gets_through(server: Server, tmp_path: Path, group: str) -> None:
    """Each is refused without a word of what it was after, and events go on being stored."""
    secret, target = server.data.parent / "secret.csv", tmp_path / "target"
    before = _count(server)
    for name, sql in NOT_ALLOWED.items():
        if name.partition(":")[0] != group:
            continue
        filled = sql.replace("{secret}", str(secret)).replace("{target}", str(target))
        answer = _ask(server, filled)
        assert (400, "query_not_allowed") == (answer.status, answer.json()["code"]), name
        assert _SECRET.encode() not in answer.body, name
        assert 202 == server.post(_event(0)).status
        before += 1
    assert not target.exists()
    assert before == _count(server)


def test_events_are_stored_while_bombs_go_off(server: Server) -> None:
    """Every bomb is ended, none takes the server along, and each event sent meanwhile is acknowledged."""
    before, sent = _count(server), 0
    with ThreadPoolExecutor(2) as pool:
        asked = {name: pool.submit(_ask, server, sql) for name, sql in BOMBS.items()}
        while not all(answer.done() for answer in asked.values()):
            assert 202 == server.post([_event(sent), _event(sent)]).status
            sent += 2
    for name, answer in asked.items():
        told = answer.result()
        assert (told.status, told.json()["code"]) in {(504, "query_timeout"), (400, "query_failed")}, name
    assert before + sent == _count(server)


def test_a_crowd_is_told_to_wait(server: Server) -> None:
    """Beyond what may wait the answer is 503 with ``Retry-After``; figures are answered all the same."""
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(_ask, server, ENDLESS) for _ in range(20)]
        assert 200 == server.request("GET", "/v1/activity?minutes=3").status
        answers = [answer.result() for answer in asked]
    assert {503, 504} == {answer.status for answer in answers}
    refused = [answer for answer in answers if answer.status == 503]
    assert {"overloaded"} == {answer.json()["code"] for answer in refused}
    assert all(answer.headers["retry-after"] for answer in refused)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"{}", 400, "bad_argument", "sql"),
        (b'{"sql": 1}', 400, "bad_argument", "sql"),
        (b'{"sql": "SELECT 1", "limit": 5}', 400, "bad_argument", "limit"),
        (b"[]", 400, "bad_argument", None),
        (b"SELECT 1", 400, "invalid_json", None),
        (b"", 400, "invalid_json", None),
        (b'{"sql": "SELECT \xff"}', 400, "invalid_json", None),
        (b'{"sql": "' + b" " * 1_100_000 + b'"}', 413, "too_large", None),
    ],
)
def test_a_wrong_body(server: Server, body: bytes, status: int, code: str, field: str | None) -> None:
    """What is no query is told so, by name."""
    answer = server.request("POST", "/v1/query", body, {"content-type": "application/json"})
    assert (status, code, field) == (answer.status, answer.json()["code"], answer.json().get("field"))


def test_arguments_in_the_address_are_refused(server: Server) -> None:
    """A limit that would be ignored is not accepted."""
    answer = server.request("POST", "/v1/query?limit=5", b'{"sql": "SELECT 1"}')
    assert (400, "limit") == (answer.status, answer.json()["field"])


def test_a_caller_that_hangs_up_ends_its_query(start_server: StartServer) -> None:
    """The only thread is free again, so the next caller is answered; and a running query doesn't keep the server."""
    server = start_server({"APPLIANCE__QUERY__TIMEOUT_SECONDS": "600", "APPLIANCE__QUERY__CONCURRENCY": "1"})
    server.post([_event(number) for number in range(5)])
    body = json.dumps({"sql": ENDLESS}).encode()
    head = f"POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {len(body)}\r\n\r\n"
    caller = server.socket()
    caller.sendall(head.encode() + body)
    threading.Event().wait(0.5)
    # reset, as when its process dies: a connection that only its sending side has closed still waits for the answer
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    caller.close()
    assert 5 == _count(server)
    last = server.socket()
    last.sendall(head.encode() + body)
    threading.Event().wait(0.3)
    server.stop()
    last.close()
