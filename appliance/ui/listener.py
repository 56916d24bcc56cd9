"""The Panel server behind ``Dashboard``: routes, guard, headers, and an end within bounds."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

# Every script comes from this server. Bokeh reads it when it is imported.
os.environ["BOKEH_RESOURCES"] = "server"

import panel as pn
from panel.io.server import get_server
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.routing import Rule
from tornado.web import RequestHandler, StaticFileHandler

from appliance.access.guard import Guard
from appliance.ui.assets import ASSETS, DIGEST
from appliance.ui.guard import RefusalHandler, Refused
from appliance.ui.headers import CompressedFiles, SecurityHeaders
from appliance.ui.http_server import BoundedHTTPServer
from appliance.ui.live import Live, Pump
from appliance.ui.login import Login, Logout, Reception, SessionState
from appliance.ui.pages import PAGES
from appliance.ui.shell import Site, build
from appliance.ui.sign_in import LOGIN, LOGOUT, SESSION, SignedOut, SignInFirst
from appliance.ui.stream import Stream
from appliance.ui.visits import Visits

if TYPE_CHECKING:
    from appliance.ui.server import Dashboard

GOODBYE_SECONDS = 0.5
CLOSE_SECONDS = 1.0
UNUSED_SESSION_SECONDS = 30
# What a page may say to its session at once.
MESSAGE_BYTES = 1024 * 1024


class Health(RequestHandler):
    """Whether the dashboard's loop turns."""

    def get(self) -> None:
        self.write({"status": "ok"})


class VersionedAsset(StaticFileHandler):
    """A file under a path that names its contents, so that a browser need not ask again."""

    def get_cache_time(self, *_args: Any) -> int:
        return 365 * 24 * 3600

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")


class Listener:
    """Made and run in the dashboard's thread; ``stop`` and ``viewers`` may be called from any."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._asyncio_loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._asyncio_loop)
        self._loop = IOLoop.current()
        self._pump = Pump(dashboard.feed, self._loop, dashboard.clock)
        self._visits = Visits(dashboard.sign_in)
        self._reception = None if dashboard.sign_in is None else Reception(dashboard.sign_in, self._visits)
        _quieten()
        pn.extension()
        pn.config.nthreads = 2  # type: ignore[misc]  # settable, against its types
        HTTPServer.configure(BoundedHTTPServer)
        self._server = get_server(
            {page.path: build(page, PAGES, _site(dashboard)) for page in PAGES},
            port=dashboard.port,
            address=dashboard.host,
            # The guard stands before Bokeh's own check, is stricter, and knows IPv6, which that check does not.
            websocket_origin=["*"],
            extra_patterns=self._patterns(dashboard),
            start=False,
            location=False,
            ico_path="none",
            use_index=False,
            # Headers and cookies would travel in the page's token.
            include_headers=[],
            include_cookies=[],
            unused_session_lifetime_milliseconds=UNUSED_SESSION_SECONDS * 1000,
            websocket_max_message_size=MESSAGE_BYTES,
        )
        self.port: int = self._server.port or dashboard.port
        self._protect(dashboard)

    def run(self, on_answering: Callable[[], None]) -> None:
        """Serve until ``stop``."""
        self._server.start()
        self._loop.add_callback(self._pump.start)
        self._loop.add_callback(self._visits.start, self._server._tornado)  # noqa: SLF001
        self._loop.add_callback(on_answering)
        self._loop.start()
        # Closes the sockets of pages that did not answer, so that their browsers notice.
        self._loop.close(all_fds=True)

    def stop(self) -> None:
        self._loop.add_callback(self._close)

    def viewers(self) -> int:
        return len(self._pump)

    def _patterns(self, dashboard: Dashboard) -> list[Any]:
        patterns: list[Any] = [
            (r"/health", Health),
            (r"/live", Live, {"pump": self._pump, "visits": self._visits}),
            (rf"/assets/{DIGEST}/(.*)", VersionedAsset, {"path": str(ASSETS)}),
        ]
        if dashboard.stream is not None:
            patterns.append((r"/v1/stream", Stream, {"messages": dashboard.stream, "visits": self._visits}))
        if self._reception is not None:
            desk = {"reception": self._reception}
            patterns += [(LOGIN, Login, desk), (LOGOUT, Logout, desk), (SESSION, SessionState, desk)]
        return patterns

    def _protect(self, dashboard: Dashboard) -> None:
        api_port = urlsplit(dashboard.api_url).port
        guard = Guard(
            own_ports=frozenset(port for port in (self.port, api_port) if port is not None),
            open_mode=dashboard.open_mode,
            trusted_proxies=tuple(ip_network(network) for network in dashboard.trusted_proxies),
        )
        application = self._server._tornado  # noqa: SLF001  Bokeh has no public name for its Tornado application
        first = [Rule(Refused(guard), RefusalHandler)]
        if dashboard.sign_in is not None:
            first.append(Rule(SignedOut(dashboard.sign_in, [page.path for page in PAGES]), SignInFirst))
        application.default_router.rules[:0] = first
        application.add_transform(SecurityHeaders)
        application.add_transform(CompressedFiles)

    async def _close(self) -> None:
        self._server.unlisten()
        self._visits.stop()
        if self._reception is not None:
            self._reception.stop()
        try:
            await self._pump.stop(GOODBYE_SECONDS)
            await asyncio.wait_for(self._server._http.close_all_connections(), CLOSE_SECONDS)  # noqa: SLF001
        except TimeoutError:
            pass
        finally:
            self._server.stop(wait=False)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            self._loop.add_callback(self._loop.stop)


def _site(dashboard: Dashboard) -> Site:
    return Site(api_url=dashboard.api_url, needs_key=not dashboard.open_mode)


def _quieten() -> None:
    """Bokeh warns of the wildcard origin, which the guard makes harmless, and tells each start at length."""
    logging.getLogger("bokeh.server").setLevel(logging.ERROR)
    logging.getLogger("panel").setLevel(logging.WARNING)
