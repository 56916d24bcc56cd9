"""A running server, asked through its internal routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec

from appliance.analytics.export import ExportFormat
from appliance.cli.target import Progress
from appliance.clock import iso
from appliance.errors import ApplianceError, LogUnavailable, Overloaded, StorageFull, TransientError
from appliance.ingest.chunks import Chunk, Taken
from appliance.query.decoding import decode_answer
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
        """Import a chunk, as ``appliance.ingest.receiver.Receiver.take`` does."""
        with _explained(self.client):
            answer = self.client.post("/internal/import", content=msgspec.msgpack.encode(chunk))
            _raise_for(answer)
            return msgspec.json.decode(answer.content, type=Taken)

    def export(
        self, format_name: ExportFormat, bounds_us: tuple[int | None, int | None], write: Callable[[bytes], Any]
    ) -> int:
        bounds = dict(zip(("from", "to"), bounds_us, strict=True))
        arguments = {name: iso(value) for name, value in bounds.items() if value is not None}
        with (
            _explained(self.client),
            self.client.stream("GET", "/v1/export", params={"format": format_name, **arguments}) as answer,
        ):
            _raise_for(answer)
            for piece in answer.iter_raw():
                write(piece)
            return int(answer.headers["x-events"])

    def query(self, sql: str) -> dict[str, Any]:
        body = msgspec.json.encode({"sql": sql})
        with _explained(self.client):
            answer = self.client.post("/v1/query", content=body, headers={"content-type": "application/json"})
            _raise_for(answer)
            return decode_answer(answer.content)

    def verify(self, progress: Progress) -> dict[str, Any]:
        return self._told("/internal/verify", progress)

    def rebuild(self, progress: Progress) -> dict[str, Any]:
        return self._told("/internal/rebuild", progress)

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """A route's JSON answer; ``body`` is sent as JSON. Raises the ``ApplianceError`` that it answers with."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"} if content is not None else {}
        with _explained(self.client):
            answer = self.client.request(method, path, content=content, headers=headers)
            _raise_for(answer)
            return msgspec.json.decode(answer.content, type=dict[str, Any])

    def replay(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """As ``POST /v1/dead-letters/replay``; the same where nothing of it could be accepted."""
        body = msgspec.json.encode(wanted)
        headers = {"content-type": "application/json"}
        with _explained(self.client):
            answer = self.client.post("/v1/dead-letters/replay", content=body, headers=headers)
            told = msgspec.json.decode(answer.content, type=dict[str, Any])
            if answer.status_code == HTTPStatus.BAD_REQUEST and "rejected" in told:
                return {"accepted": 0, "duplicates": 0, "rejected": told["rejected"]}
            _raise_for(answer)
            return told

    def has_deleted(self, path: str) -> bool:
        """Delete something; ``False`` where there is no such thing."""
        with _explained(self.client):
            answer = self.client.delete(path)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return False
            _raise_for(answer)
            return True

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
        raise ServerGone(
            f"{url.rpartition('@')[2]!a} is no address of a server: write it as http://HOST:PORT"
        ) from fault


@contextmanager
def _explained(client: httpx.Client) -> Iterator[None]:
    # never the login that may stand in it
    address = str(client.base_url.copy_with(userinfo=b"")).rstrip("/")
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
