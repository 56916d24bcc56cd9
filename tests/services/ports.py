"""Ports that stay a service's own while it is down."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final

from tests.services.errors import NotStarted

_FIRST: Final = 15_000
_TRIES: Final = 1_000
_RANDOM: Final = random.SystemRandom()


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on, below those that the kernel gives to outgoing connections.

    One of the kernel's choice could be taken by any client while the service is stopped, even by one that
    tries to reach the service: it would be connected to itself.
    """
    for _ in range(_TRIES):
        port = _RANDOM.randrange(_FIRST, _first_outgoing())
        if is_free(port):
            return port
    raise NotStarted(f"no free port found in {_FIRST}-{_first_outgoing() - 1}")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
        return True


def _first_outgoing() -> int:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except OSError:
        return 32_768
    return first if first > _FIRST + 1_000 else 65_536
