"""Kill the appliance again and again while clients send, then compare what they were told with what is stored."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from appliance.events.keys import uuid5_bytes
from tests.acceptance.stubborn_client import StubbornClient
from tests.process import ApplianceProcess, run_command

# Everything that writes beside ingest happens often, so that kills meet it: small checkpoints, a rollup a second.
_RESTLESS = {
    "APPLIANCE__LOG__CHECKPOINT_WAL_BYTES": str(2 * 1024 * 1024),
    "APPLIANCE__METRICS__CALCULATION_INTERVAL": "1",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How often to kill, how many clients send meanwhile, and where."""

    rounds: int
    port: int
    ui_port: int
    clients: int = 8
    verify_every: int = 10
    seed: int = 0


@dataclass(slots=True)
class Outcome:
    """What came of it; ``faults`` is empty when the promise was kept."""

    kills: int = 0
    kills_while_starting: int = 0
    rebuilds: int = 0
    """Rebuilds of the rollups that were under way when it was killed, or had just ended."""
    verifications: int = 0
    sent: int = 0
    acknowledged: int = 0
    retried_batches: int = 0
    stored: int = 0
    stored_without_an_answer: int = 0
    """Events that a retry found to be there already: committed, and the answer lost to the kill."""
    faults: list[str] = field(default_factory=list)


class KillLoop:
    """One run of ``Plan`` in ``folder``, which is empty and keeps the data afterwards."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._rng = random.Random(plan.seed)
        self._data = folder / "data"
        self._appliance = ApplianceProcess(
            self._data, port=plan.port, ui_port=plan.ui_port, output=folder / "output.txt", environment=_RESTLESS
        )
        self._stop = threading.Event()
        self._clients = [StubbornClient(plan.port, number, self._stop) for number in range(plan.clients)]
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """All rounds, a last clean start and stop, and the comparison."""
        with self._appliance:
            for client in self._clients:
                client.start()
            try:
                for number in range(1, self._plan.rounds + 1):
                    self._round(number)
                self._finish()
            finally:
                self._stop.set()
        self._compare()
        return self.outcome

    def _round(self, number: int) -> None:
        self._appliance.start()
        if self._rng.random() < 0.25:
            time.sleep(self._rng.uniform(0, 2.5))
        else:
            self._appliance.wait_ready()
            time.sleep(self._rng.uniform(0, 2.5))
            if self._rng.random() < 0.5:
                self._begin_rebuild()
                time.sleep(self._rng.uniform(0, 0.5))
        self.outcome.kills_while_starting += not self._appliance.is_ready()
        self._appliance.kill()
        self.outcome.kills += 1
        if number % self._plan.verify_every == 0:
            self._verify()

    def _begin_rebuild(self) -> None:
        """Let the rollups be made anew, so that the kill meets that in the middle."""
        try:
            token = json.loads((self._data / "server.json").read_text())["token"]
            with socket.create_connection(("127.0.0.1", self._plan.port), timeout=20) as connection:
                head = f"POST /internal/rebuild HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                connection.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
                self.outcome.rebuilds += connection.recv(12) == b"HTTP/1.1 200"
        except OSError as fault:
            self.outcome.faults.append(f"a rebuild could not be asked for: {fault}")

    def _finish(self) -> None:
        """Let every client get its last answer, then stop as an operator would."""
        self._appliance.start()
        self._appliance.wait_ready()
        self._stop.set()
        for client in self._clients:
            client.join(60)
            if client.is_alive():
                self.outcome.faults.append(f"client {client.number} got no answer within 60 s of the last start")
        if (status := self._appliance.stop()) != 0:
            self.outcome.faults.append(f"SIGTERM ended it with {status}: {self._appliance.last_words()}")
        self._verify()

    def _verify(self) -> None:
        """What is derived equals a recomputation, whatever the kill left behind."""
        told = run_command("verify", "--data", str(self._data))
        self.outcome.verifications += 1
        if told.returncode != 0:
            words = (told.stdout + told.stderr)[-1_500:]
            self.outcome.faults.append(f"verify after {self.outcome.kills} kills: exit {told.returncode}: {words}")

    def _compare(self) -> None:
        sent = {_stored_id(text) for client in self._clients for text in client.sent}
        acknowledged = {_stored_id(text) for client in self._clients for text in client.acknowledged}
        rows = stored_ids(self._data)
        stored = set(rows)
        told = self.outcome
        told.sent, told.acknowledged, told.stored = len(sent), len(acknowledged), len(rows)
        told.retried_batches = sum(client.retried_batches for client in self._clients)
        told.stored_without_an_answer = sum(client.found_stored for client in self._clients)
        told.faults += [fault for client in self._clients for fault in client.faults]
        for problem, count in (
            ("acknowledged but not stored", len(acknowledged - stored)),
            ("stored more than once", len(rows) - len(stored)),
            ("stored but never sent", len(stored - sent)),
        ):
            if count:
                told.faults.append(f"{count} events {problem}")


def stored_ids(data: Path) -> list[bytes]:
    """The id of every row in the log of a stopped appliance."""
    connection = duckdb.connect(str(data / "events.duckdb"), read_only=True)
    try:
        rows = connection.execute("SELECT event_id::VARCHAR FROM events").fetchall()
    finally:
        connection.close()
    return [bytes.fromhex(text.replace("-", "")) for (text,) in rows]


def _stored_id(text: str) -> bytes:
    return uuid5_bytes(f"event:{text}".encode())
