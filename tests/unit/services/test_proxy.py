"""The test proxy does to connections what it says."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tests.services.proxy import Proxy
from tests.unit.services.echo import Echo, echo


@pytest.fixture
def service() -> Iterator[Echo]:
    with echo() as server:
        yield server


@pytest.fixture
def proxy(service: Echo) -> Iterator[Proxy]:
    with Proxy(service.port) as made:
        yield made


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with _connect(proxy) as connected:
        yield connected


def _connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def _receive(client: socket.socket, count: int) -> bytes:
    """So many bytes; fewer when the connection ends before."""
    received = b""
    while len(received) < count and (piece := client.recv(count - len(received))):
        received += piece
    return received


def _said_back(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return _receive(client, len(text))


def test_bytes_pass_unchanged_both_ways(client: socket.socket, proxy: Proxy) -> None:
    """A megabyte comes back as it was sent, and is counted."""
    text = bytes(range(256)) * 4_096
    assert text == b"".join(_said_back(client, text[at : at + 65_536]) for at in range(0, len(text), 65_536))
    assert (len(text), len(text)) == (proxy.up.passed, proxy.down.passed)


def test_the_end_of_one_way_is_passed_on(client: socket.socket) -> None:
    """A client that says goodbye still gets all that was under way, and then the end."""
    client.sendall(b"x" * 200_000)
    client.shutdown(socket.SHUT_WR)
    assert 200_000 == len(_receive(client, 300_000))


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_delay_makes_each_answer_later_but_not_the_way_narrow(client: socket.socket, proxy: Proxy, way: str) -> None:
    """An answer takes at least the delay, and many pieces are under way at once."""
    getattr(proxy, way).delay_seconds = 0.2
    began = time.monotonic()
    assert b"one" == _said_back(client, b"one")
    assert time.monotonic() - began >= 0.2


def test_a_throttle_lets_so_many_bytes_pass_in_a_second(client: socket.socket, proxy: Proxy) -> None:
    """At 100,000 bytes a second 30,000 take at least a quarter of one."""
    proxy.up.bytes_per_second = 100_000
    began = time.monotonic()
    assert 30_000 == len(_said_back(client, b"x" * 30_000))
    assert time.monotonic() - began >= 0.25


def test_silence_on_the_way_back_hides_what_was_done(client: socket.socket, proxy: Proxy, service: Echo) -> None:
    """The service hears everything, the client hears nothing until the silence ends."""
    proxy.down.silent = True
    client.settimeout(0.2)
    client.sendall(b"done?")
    with pytest.raises(TimeoutError):
        client.recv(1)
    assert b"done?" == service.heard
    proxy.restore()
    client.settimeout(10)
    assert b"done?" == _receive(client, 5)


def test_a_cut_in_the_middle_of_a_request(client: socket.socket, proxy: Proxy, service: Echo) -> None:
    """The service gets exactly the first bytes and then the end of the connection, the client an error or the end."""
    proxy.up.cut_after(10)
    client.sendall(b"0123456789abcdef")
    with pytest.raises(ConnectionError):
        _end(client)
    assert service.ended.acquire(timeout=10)
    assert b"0123456789" == service.heard
    assert not proxy.up.cut_is_due


def test_a_cut_in_the_middle_of_an_answer(client: socket.socket, proxy: Proxy, service: Echo) -> None:
    """The client gets exactly the first bytes of the answer and then the end, though the service heard all."""
    proxy.down.cut_after(4)
    client.sendall(b"0123456789")
    assert b"0123" == _receive(client, 10)
    assert b"0123456789" == service.heard
    with _connect(proxy) as again:
        assert b"whole" == _said_back(again, b"whole")


def test_cut_breaks_open_connections_and_lets_new_ones_in(client: socket.socket, proxy: Proxy) -> None:
    """An open connection is reset; the next one is served."""
    assert b"before" == _said_back(client, b"before")
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        _end(client)
    with _connect(proxy) as again:
        assert b"after" == _said_back(again, b"after")
    assert 2 == proxy.accepted


def test_refuse_lets_nobody_in_until_restored(client: socket.socket, proxy: Proxy) -> None:
    """Open connections are reset and new ones refused, and the port is the same after that."""
    assert b"before" == _said_back(client, b"before")
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)
    with pytest.raises(ConnectionResetError):
        _end(client)
    proxy.restore()
    with _connect(proxy) as again:
        assert b"after" == _said_back(again, b"after")


def test_a_dead_service_shows_as_a_broken_connection(client: socket.socket, proxy: Proxy, service: Echo) -> None:
    """When nobody listens behind the proxy, a connection is accepted and reset."""
    assert b"before" == _said_back(client, b"before")
    service.server_close()
    service.shutdown()
    with pytest.raises(ConnectionError), _connect(proxy) as late:
        _end(late)


def test_a_closed_proxy_refuses_and_closes_again(proxy: Proxy) -> None:
    """Closing ends everything, also when a way is silent, and twice does no harm."""
    proxy.up.silent = True
    with _connect(proxy) as held:
        held.sendall(b"held")
        proxy.close()
        proxy.close()
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)


def _end(client: socket.socket) -> None:
    """Wait for the end of a connection; an orderly one is reported as an error of its own."""
    while client.recv(65_536):
        pass
    raise AssertionError("ended in order")
