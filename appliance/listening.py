"""The API's socket and server: bound before anything else, stopped without cutting the log's end short."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import uvicorn

from appliance.errors import ConfigError
from appliance.stopping import StopRequest


@dataclass(slots=True)
class Listener:
    """A bound socket, made before anything else so that a taken port stops the start at once."""

    socket: socket.socket

    @classmethod
    def bind(cls, host: str, port: int) -> Listener:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as fault:
            bound.close()
            raise ConfigError(f"port {port} of {host} can't be used: {fault.strerror}; name another port") from fault
        return cls(bound)

    @property
    def port(self) -> int:
        port: int = self.socket.getsockname()[1]
        return port


def free_port(host: str) -> int:
    """A port that nobody listens on now."""
    listener = Listener.bind(host, 0)
    port = listener.port
    listener.socket.close()
    return port


class Server(uvicorn.Server):
    """uvicorn, whose own way with signals would end the process before the log is closed."""

    def __init__(self, config: uvicorn.Config, request: StopRequest, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._request = request
        self._on_stop = on_stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        self._request.tell(self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._on_stop()
        super().handle_exit(sig, frame)
