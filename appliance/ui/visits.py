"""Connections that stay open: each ends with the session it was opened in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from tornado.ioloop import PeriodicCallback
from tornado.web import RequestHandler

from appliance.access.sign_in import SignIn
from appliance.ui.sign_in import token_of

if TYPE_CHECKING:
    from bokeh.server.tornado import BokehTornado

LOOK_SECONDS: Final = 5
SIGNED_OUT: Final = 4401
"""The close code at which a page asks for a key instead of connecting again; ``browser/socket.js`` knows it too."""
REASON: Final = "signed out"


class Visits:
    """Looks every few seconds whether the sessions of open connections still hold. Its methods run on the loop.

    Without ``sign_in`` nobody has a session, and connections stay open.
    """

    def __init__(self, sign_in: SignIn | None) -> None:
        self._sign_in = sign_in
        self._ends: dict[RequestHandler, Callable[[], object]] = {}
        self._bokeh: BokehTornado | None = None
        self._watch = PeriodicCallback(self.look, LOOK_SECONDS * 1000)

    def start(self, bokeh: BokehTornado) -> None:
        """Watch over Bokeh's own web sockets too."""
        self._bokeh = bokeh
        if self._sign_in is not None:
            self._watch.start()

    def stop(self) -> None:
        self._watch.stop()

    def enter(self, handler: RequestHandler, end: Callable[[], object]) -> None:
        """A connection is open; ``end`` is called when its session has ended."""
        self._ends[handler] = end

    def leave(self, handler: RequestHandler) -> None:
        self._ends.pop(handler, None)

    def look(self) -> None:
        """End what is open without a session."""
        if self._sign_in is None:
            return
        for handler, end in [*self._ends.items(), *self._bokeh_sockets()]:
            if self._sign_in.sessions.holder(token_of(handler.request)) is None:
                end()

    def _bokeh_sockets(self) -> Iterator[tuple[RequestHandler, Callable[[], object]]]:
        for client in self._bokeh._clients if self._bokeh is not None else ():  # noqa: SLF001  no public name
            socket = client._socket  # noqa: SLF001
            yield socket, partial(socket.close, SIGNED_OUT, REASON)
