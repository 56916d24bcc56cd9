"""A running server, asked through its internal routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from appliance.cli.target import Progress
from appliance.errors import ApplianceError, LogUnavailable, Overloaded, StorageFull, TransientError
from appliance.ingest.chunks import Chunk, Taken
from appliance.server_file import ServerFile

# Verifying may be silent for long, and an export waits for the reader: only connecting has a bound.
_TIMEOUT: Final = httpx.Timeout(None, connect=5.0)
_HELLO_SECONDS: Final = 5.0
_TRANSIENT: Final[dict[str, type[TransientError]]] = {
    error.code: error for error in (StorageFull, Overloaded, LogUnavailable)
}


class ServerRefused(ApplianceError):
    """The server answered with an error."""

    code = "server_refused"


class ServerGone(ApplianceError):
    """The server can't be reached, or hung up. Start it, or name another one with --url."""

    code = "server_gone"


@dataclass(frozen=True, slots=True)
class Server:
    """A ``Target`` in another process."""

    client: httpx.Client

    def take(self, chunk: Chunk) -> Taken:
        with _explained(self.client):
            answer = self.client.post("/internal/import", content=msgspec.msgpack.encode(chunk))
            _raise_for(answer)
            return msgspec.json.decode(answer.content, type=Taken)

    def export(self, format_name: str, bounds_us: tuple[int | None, int | None], write: Callable[[bytes], Any]) -> int:
        bounds = dict(zip(("from_us", "to_us"), bounds_us, strict=True))
        arguments = {name: value for name, value in bounds.items() if value is not None}
        with (
            _explained(self.client),
            self.client.stream("GET", "/internal/export", params={"format": format_name, **arguments}) as answer,
        ):
            _raise_for(answer)
            for piece in answer.iter_raw():
                write(piece)
            return int(answer.headers["x-events"])

    def verify(self, progress: Progress) -> dict[str, Any]:
        return self._told("/internal/verify", progress)

    def rebuild(self, progress: Progress) -> dict[str, Any]:
        return self._told("/internal/rebuild", progress)

    def _told(self, path: str, progress: Progress) -> dict[str, Any]:
        with _explained(self.client), self.client.stream("POST", path) as answer:
            _raise_for(answer)
            for line in answer.iter_lines():
                message = msgspec.json.decode(line)
                if "progress" in message:
                    told = message["progress"]
                    progress(told["what"], told["done"], told["total"])
                elif "error" in message:
                    raise _error_of(message["error"]["code"], message["error"]["message"])
                else:
                    result: dict[str, Any] = message["result"]
                    return result
        raise ServerGone("the server hung up before its work was done")


@contextmanager
def connect(url: str, key: str | None) -> Iterator[Server]:
    """The server at an address; raises ``ServerGone`` for an address that is none."""
    headers = {"authorization": f"Bearer {key}"} if key is not None else {}
    with _client(url, headers) as client:
        yield Server(client)


def answers(found: ServerFile) -> bool:
    """Whether the server that wrote a ``server.json`` runs: another one would not know its token."""
    try:
        with _client(found.url, {"authorization": f"Bearer {found.token}"}) as client:
            return client.get("/internal/hello", timeout=_HELLO_SECONDS).status_code == 200
    except (httpx.HTTPError, ServerGone):
        return False


def _client(url: str, headers: dict[str, str]) -> httpx.Client:
    try:
        address = httpx.URL(url if "://" in url else f"http://{url}")
        # a proxy for the world outside has no business between two processes of this machine
        trust_environment = address.host not in ("127.0.0.1", "::1", "localhost")
        return httpx.Client(base_url=address, headers=headers, timeout=_TIMEOUT, trust_env=trust_environment)
    except (httpx.InvalidURL, ValueError) as fault:
        raise ServerGone(f"{url!a} is no address of a server: write it as http://HOST:PORT") from fault


@contextmanager
def _explained(client: httpx.Client) -> Iterator[None]:
    address = str(client.base_url).rstrip("/")
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as fault:
        raise ServerGone(f"no server answers at {address}: start it, or name another one with --url") from fault
    except httpx.HTTPError as fault:
        raise ServerGone(f"the server at {address} hung up before it was done") from fault
    except (msgspec.MsgspecError, KeyError) as fault:
        raise ServerRefused(f"what answers at {address} is no appliance of this version") from fault


def _raise_for(answer: httpx.Response) -> None:
    if answer.status_code < 400:
        return
    body = answer.read()
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
        code, message = str(told["code"]), str(told["detail"])
    except (msgspec.MsgspecError, KeyError):
        raise ServerRefused(f"the server answered {answer.status_code}, as no appliance does") from None
    raise _error_of(code, message)


def _error_of(code: str, message: str) -> ApplianceError:
    kind = _TRANSIENT.get(code)
    return kind(message) if kind is not None else ServerRefused(f"the server refused: {message}")
