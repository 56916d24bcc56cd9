"""Connections that no friendly client makes: slow, cut off, crowded, broken. Never a hang, never a 500."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.bare_http import all_that_comes, head, read_answer, with_length
from tests.acceptance.conftest import StartServer
from tests.acceptance.server import Answer, Server

EVENT = b'{"event_type":"page_view","user_id":"u1"}'
MIB = 1024 * 1024


def test_a_body_that_stops_coming_is_408(shared_server: Server) -> None:
    """A second of silence in the middle of a body, or before its first byte, ends the request."""
    for sent in (
        with_length(EVENT)[:-5],
        head("Content-Length: 100"),
        head("Transfer-Encoding: chunked") + b"5\r\n[   ",
    ):
        with shared_server.socket() as connection:
            connection.sendall(sent)
            status, problem = read_answer(connection)
            assert (408, "body_timeout") == (status, problem["code"])


def test_a_body_that_dribbles_is_408(shared_server: Server) -> None:
    """Bytes that come often enough each, but too slowly in all, end too."""
    with shared_server.socket() as connection:
        connection.sendall(head("Content-Length: 1000"))
        stop = threading.Event()
        sender = threading.Thread(target=_dribble, args=(connection, stop))
        sender.start()
        status, problem = read_answer(connection)
        stop.set()
        sender.join()
        assert (408, "body_timeout") == (status, problem["code"])


def _dribble(connection: socket.socket, stop: threading.Event) -> None:
    while not stop.wait(0.3):
        try:
            connection.sendall(b" ")
        except OSError:
            return


def test_an_endless_body_is_413(shared_server: Server) -> None:
    """Chunks without end are refused at the limit, and the answer is heard while still sending."""
    with shared_server.socket() as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
        sender = threading.Thread(target=_send_for_ever, args=(connection, chunk))
        sender.start()
        status, problem = read_answer(connection)
        sender.join(30)
        assert (413, "too_large") == (status, problem["code"])
        assert not sender.is_alive()


def _send_for_ever(connection: socket.socket, chunk: bytes) -> None:
    try:
        while True:
            connection.sendall(chunk)
    except OSError:
        return


def test_a_length_beyond_the_limit_is_refused_unread(shared_server: Server) -> None:
    """The declared length is enough; nothing of the body needs to come."""
    with shared_server.socket() as connection:
        connection.sendall(head("Content-Length: 99999999999", "Expect: 100-continue"))
        status, problem = read_answer(connection)
        assert (413, "too_large") == (status, problem["code"])


def test_a_client_that_asks_first_is_told_to_go_on(shared_server: Server) -> None:
    """``Expect: 100-continue`` gets its 100, then the answer."""
    with shared_server.socket() as connection:
        connection.sendall(head(f"Content-Length: {len(EVENT)}", "Expect: 100-continue"))
        assert b"HTTP/1.1 100" == connection.recv(1_000)[:12]
        connection.sendall(EVENT)
        assert 202 == read_answer(connection)[0]


def test_the_connection_stays_open_after_a_refusal(shared_server: Server) -> None:
    """400, 405, 415 and 403 leave the connection usable."""
    connection = http.client.HTTPConnection("127.0.0.1", shared_server.port, timeout=20)
    for body, headers, status in (
        (b"{", {}, 400),
        (EVENT, {}, 202),
        (EVENT, {"Content-Type": "image/png"}, 415),
        (b'{"event_type":1}', {}, 400),
        (EVENT, {"Origin": "http://evil.example"}, 403),
        (EVENT, {}, 202),
    ):
        connection.request("POST", "/v1/events", body, headers)
        first_socket = connection.sock
        answer = connection.getresponse()
        answer.read()
        assert status == answer.status
        assert first_socket is connection.sock, "the connection was closed"
    connection.close()


def test_pipelined_requests_are_answered_in_order(shared_server: Server) -> None:
    """Several requests sent at once on one connection: as many answers, in their order."""
    bodies = (EVENT, b"{", EVENT, b"[]", b'[{"event_type":"x","user_id":1},5]')
    with shared_server.socket() as connection:
        connection.sendall(b"".join(map(with_length, bodies)) + with_length(EVENT, "Connection: close"))
        answers = all_that_comes(connection)
    assert [b"202", b"400", b"202", b"400", b"202", b"202"] == [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]]


def test_a_client_that_hangs_up_costs_nothing(shared_server: Server) -> None:
    """Half-closed, reset or gone in the middle: no hang, and the next one is served."""
    whole = with_length(EVENT)
    for sent in (whole, whole[:-10], whole[:30], b"", whole[:-10]):
        with shared_server.socket() as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert all_that_comes(connection)[:12] in {b"", b"HTTP/1.1 202", b"HTTP/1.1 400"}
        with shared_server.socket() as connection:
            connection.sendall(sent)
    assert 202 == shared_server.post(EVENT).status


def test_the_same_event_twice_at_once_is_stored_once(server: Server) -> None:
    """Two requests in flight with one id: both are answered when it is durable, one of them with a duplicate."""
    both = threading.Barrier(2)

    def send(number: int) -> tuple[int, int]:
        both.wait()
        body = [{"event_type": "x", "user_id": number, "event_id": f"{number // 2}-{place}"} for place in range(50)]
        told = server.post(body).json()
        return told["accepted"], told["duplicates"]

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(send, range(60)))
    server.kill()
    server.restart()
    assert 30 * 50 == sum(accepted for accepted, _ in told)
    assert 30 * 50 == sum(duplicates for _, duplicates in told)
    assert all(50 == accepted + duplicates for accepted, duplicates in told)
    assert [(1_500, 1_500)] == server.stored("SELECT count(*), count(DISTINCT event_id) FROM events")


def test_what_was_answered_survives_kill(server: Server) -> None:
    """202 means on disk."""
    assert 202 == server.post([{"event_type": "x", "user_id": number} for number in range(1_000)]).status
    server.kill()
    server.restart()
    assert [(1_000,)] == server.stored("SELECT count(*) FROM events")


def test_more_bytes_than_fit_are_503_before_they_are_read(start_server: StartServer) -> None:
    """With the budget taken by a slow body, another is refused with ``Retry-After``; then there is room again."""
    server = start_server({"APPLIANCE__INGEST__QUEUE_BYTES": "100000"})
    with server.socket() as slow:
        slow.sendall(head("Content-Length: 90000") + b"[")
        refused = _until(lambda: server.post(b" " * 20_000), status=503)
        assert "overloaded" == refused.json()["code"]
        assert 1 <= int(refused.headers["retry-after"])
        with server.socket() as unread:
            unread.sendall(head("Content-Length: 20000"))
            assert 503 == read_answer(unread)[0]
        assert 202 == server.post(EVENT).status
        assert 200 == server.request("GET", "/v1/metrics").status
    assert 400 == _until(lambda: server.post(b" " * 20_000), status=400).status
    assert 202 == server.post(b"[" + EVENT + b" " * 200_000 + b"]").status


def _until(send: object, *, status: int) -> Answer:
    """Send again until the answer has the status; the other request is on its way meanwhile."""
    deadline = time.monotonic() + 20
    while True:
        answer: Answer = send()  # type: ignore[operator]
        if answer.status == status or time.monotonic() > deadline:
            assert status == answer.status, answer.body
            return answer


def test_without_room_on_the_disk_events_are_refused_and_reads_go_on(start_server: StartServer) -> None:
    """Below ``log.min_free_bytes``: 503 ``storage_full`` with ``Retry-After``; ``/ready`` says so; metrics answer."""
    server = start_server()
    assert 202 == server.post(EVENT).status
    server.stop()
    full = Server(server.data.parent, {"APPLIANCE__LOG__MIN_FREE_BYTES": str(2**62)})
    full.process.start()
    try:
        refused = _until(lambda: _posted(full), status=503)
        assert "storage_full" == refused.json()["code"]
        assert 1 <= int(refused.headers["retry-after"])
        ready = full.request("GET", "/ready")
        assert 503 == ready.status
        assert "storage_full" in ready.json()["reasons"]
        metrics = full.request("GET", "/v1/metrics")
        assert 200 == metrics.status
        assert 1 == metrics.json()["metrics"]["active_users_24h"]["value"]
        assert 503 == full.post(b" " * (9 * MIB)).status
        assert [(1,)] == full.stored("SELECT count(*) FROM events")
    finally:
        full.kill()


def _posted(server: Server) -> Answer:
    try:
        return server.post(EVENT)
    except OSError:
        time.sleep(0.05)
        return Answer(0, {}, b"")
