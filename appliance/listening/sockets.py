"""The sockets that are listened on: bound before anything else, and patient with clients up to a point."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from appliance.errors import ConfigError

_OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})


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

    def drop_stalled_after(self, seconds: float) -> None:
        """As the function of that name, for this socket."""
        drop_stalled_after(self.socket, seconds)


def free_port(host: str) -> int:
    """A port that nobody listens on now."""
    listener = Listener.bind(host, 0)
    port = listener.port
    listener.socket.close()
    return port


def drop_stalled_after(listening: socket.socket, seconds: float) -> None:
    """Let the system end each connection whose client takes none of what was sent to it for ``seconds``.

    Accepted sockets inherit it. It also ends what the process has closed already and can't get rid of. Where the
    system has no such option (it is Linux's), only time-outs of the protocol's own are left.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        listening.setsockopt(socket.IPPROTO_TCP, option, max(1, round(seconds * 1_000)))


class AcceptingSocket(socket.socket):
    """A listening socket whose ``accept`` never fails for want of a file descriptor.

    An event loop that is told of a waiting connection and can't take it is told again at once, and turns without
    end. So a descriptor is kept in reserve: it is given up to take the connection, and to hang up.
    """

    @classmethod
    def of(cls, listening: socket.socket) -> Self:
        """Take over the descriptor of a socket that listens."""
        family, kind, protocol = listening.family, listening.type, listening.proto
        made = cls(family, kind, protocol, listening.detach())
        made.settimeout(0)
        made._reserve = _open_reserve()
        return made

    _reserve: int | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        try:
            return super().accept()
        except OSError as fault:
            if fault.errno not in _OUT_OF_FILES:
                raise
        self._hang_up()
        raise BlockingIOError(errno.EAGAIN, "out of file descriptors")

    def close(self) -> None:
        self._give_up_reserve()
        super().close()

    def _hang_up(self) -> None:
        """End all connections that wait; who connects then learns at once that it is no use now."""
        self._give_up_reserve()
        with suppress(OSError):
            while True:
                super().accept()[0].close()
        self._reserve = _open_reserve()

    def _give_up_reserve(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None


def _open_reserve() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
