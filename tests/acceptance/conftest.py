"""The appliance as a process of its own, for tests that see only what its users see.

``server`` is one fresh appliance with ``.url``, ``.ui_url``, ``.data``, ``.stop()``, ``.kill()`` and
``.restart()``; ``start_server`` makes more of them, each with its own settings; ``shared_server`` is
one for all tests of a module that leave it running and don't look at its data as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.acceptance.server import Server

StartServer = Callable[..., Server]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """``start_server(environment, arguments, prefix)``: settings, more arguments of ``serve``, what runs before it."""
    servers: list[Server] = []

    def start(
        environment: Mapping[str, str] | None = None, arguments: Sequence[str] = (), prefix: Sequence[str] = ()
    ) -> Server:
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        servers.append(Server(folder, environment or {}, arguments, prefix))
        servers[-1].start()
        return servers[-1]

    yield start
    _end(servers)


@pytest.fixture
def server(start_server: StartServer) -> Server:
    """A fresh appliance of the test's own."""
    return start_server()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One appliance for the tests of a module; time-outs of bodies are short."""
    environment = {
        "APPLIANCE__INGEST__BODY_TIMEOUT_SECONDS": "1",
        "APPLIANCE__INGEST__BODY_TOTAL_SECONDS": "3",
    }
    shared = Server(tmp_path_factory.mktemp("shared"), environment)
    shared.start()
    yield shared
    _end([shared])


def _end(servers: Sequence[Server]) -> None:
    for server in servers:
        if server.process.running:
            server.kill()
