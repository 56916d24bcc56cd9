"""The appliance as its users meet it: a process with two addresses and a data folder."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.process import ApplianceProcess, free_ports


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """A running ``appliance serve``; stopped and started again it keeps its addresses and its data."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], arguments: Sequence[str] = (), prefix: Sequence[str] = ()
    ) -> None:
        self.port, self.ui_port = free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ui_url = f"http://127.0.0.1:{self.ui_port}"
        self.data = folder / "data"
        self.process = ApplianceProcess(
            self.data,
            port=self.port,
            ui_port=self.ui_port,
            output=folder / "output.txt",
            environment=environment,
            arguments=arguments,
            prefix=prefix,
        )

    def start(self) -> None:
        """Return when ``/ready`` says so."""
        self.process.start()
        self.process.wait_ready()

    def stop(self) -> None:
        """SIGTERM; it ends with 0."""
        assert self.process.stop() == 0, self.process.last_words()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    def restart(self) -> None:
        """Stop, when it runs, and start again on the same data."""
        if self.process.running:
            self.stop()
        self.start()

    def post(self, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """``POST /v1/events``; what is no bytes is sent as JSON."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", "/v1/events", sent, headers)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())
        finally:
            connection.close()

    def socket(self) -> socket.socket:
        """A bare connection to the API, for what no client library would send."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def stored(self, sql: str) -> list[tuple[Any, ...]]:
        """Stop, and ask the log itself."""
        if self.process.running:
            self.stop()
        connection = duckdb.connect(str(self.data / "events.duckdb"), read_only=True)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()
        finally:
            connection.close()
