"""The composition root: builds the parts, starts and stops them in order. The only place that knows everything."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_network
from typing import Final

import pyarrow as pa
import structlog
import uvicorn
import uvloop

from appliance import server_file
from appliance.access.guard import Guard, is_loopback
from appliance.analytics.hub import HubOptions, SnapshotHub
from appliance.api.application import make_application
from appliance.api.parts import Parts
from appliance.clock import Clock, SystemClock
from appliance.config import Settings
from appliance.demo.feeder import DemoFeeder
from appliance.errors import ApplianceError, ConfigError
from appliance.ingest.http import HttpIngest
from appliance.ingest.intake import Decoder
from appliance.ingest.limits import ByteBudget
from appliance.listening import Listener, Server, free_port
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.from_settings import log_options, writer_options
from appliance.log.query_pool import QueryPool
from appliance.log.writer import Writer
from appliance.stopping import StopRequest, end_process, stop_together
from appliance.upkeep import Upkeep

_logger = structlog.get_logger(__name__)

# How long requests may still take, what works beside them, the writer, and readers: within stopping.LIMIT_SECONDS.
GRACE_SECONDS: Final = 4
_SIDE_WORK_SECONDS: Final = 3.0
_WRITER_SECONDS: Final = 4.0
_READER_SECONDS: Final = 1.0
# Threads hand the interpreter on ten times as often as by default: an acknowledgement waits less for a query.
SWITCH_SECONDS: Final = 0.0005


class Appliance:
    """One appliance: made from settings, then ``run`` until a signal ends it."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        demo: bool = False,
        stop_request: StopRequest | None = None,
    ) -> None:
        _check_address(settings)
        self._stop_request = stop_request or StopRequest()
        self._settings = settings
        self._clock = clock or SystemClock()
        self._starting, self._stopping = True, False
        self._api = Listener.bind(settings.server.host, settings.server.port)
        self._ui_port = settings.server.ui_port or free_port(settings.server.host)
        self._dashboard_viewers: Callable[[], int] = lambda: 0
        self._close_dashboard: Callable[[], object] = lambda: None
        _warm_up()
        self.log = DuckDBLog(settings.server.data, self._clock, log_options(settings))
        self.writer = Writer(self.log, self._clock, writer_options(settings))
        self.decoder = Decoder(settings, self._clock)
        budget = ByteBudget(settings.ingest.queue_bytes)
        self._ingest = HttpIngest(self.decoder, self.writer, self.log.space, budget)
        self._hub = SnapshotHub(self.log, self._clock, _hub_options(settings))
        self._queries = QueryPool(self.log)
        self._upkeep = Upkeep(settings, self.log, self.writer, self._clock)
        self._demo = self._make_demo() if demo else None
        self._token = secrets.token_urlsafe(32)
        self._gate = make_application(self._parts(), self._guard())

    def run(self, announce: Callable[[str, str], None] | None = None) -> None:
        """Serve until SIGTERM or Ctrl-C; returns when everything that was taken is durable.

        ``announce`` is called with the addresses of the API and of the dashboard when the API listens.
        """
        self._stop_request.listen()
        sys.setswitchinterval(SWITCH_SECONDS)
        self.writer.start()
        self._hub.start()
        try:
            self._upkeep.start()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve(announce))
        finally:
            has_ended = self._stop()
        if not has_ended:
            end_process()

    async def _serve(self, announce: Callable[[str, str], None] | None) -> None:
        server = Server(self._uvicorn_config(), self._stop_request, on_stop=self._begin_stopping)
        serving = asyncio.create_task(server.serve(sockets=[self._api.socket]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started and not self._stopping:
            self._write_server_file()
            self._starting = False
            if announce is not None:
                announce(self._url(self._api.port), self._url(self._ui_port))
            threading.Thread(target=self._start_the_rest, name="late-start", daemon=True).start()
        await serving

    def _start_the_rest(self) -> None:
        """What takes seconds to import, after the listener is up."""
        gc.collect()
        gc.freeze()
        # ingest makes many objects and few cycles: look for these less often
        gc.set_threshold(20_000, 20, 20)
        if self._demo is not None:
            self._demo.start(self.log.tail())
        try:
            self._start_dashboard()
        except ApplianceError as fault:
            _logger.warning("the dashboard could not start", reason=str(fault))

    def _start_dashboard(self) -> None:
        from appliance.ui.server import Dashboard  # noqa: PLC0415 - Panel takes seconds to import

        server = self._settings.server
        dashboard = Dashboard(
            host=server.host,
            port=self._ui_port,
            feed=self._hub,
            api_url=self._url(self._api.port),
            trusted_proxies=[str(network) for network in server.trusted_proxies],
            clock=self._clock,
        )
        self._dashboard_viewers, self._close_dashboard = dashboard.viewers, dashboard.stop
        if not self._stopping:
            dashboard.start()

    def _make_demo(self) -> DemoFeeder:
        return DemoFeeder(self.decoder, self.writer, self._clock, after_history=self._upkeep.roll_up_now)

    def _begin_stopping(self) -> None:
        """May be called in the middle of anything, by a signal: so it takes no lock."""
        self._stopping = True

    def _stop(self) -> bool:
        """Stop taking, finish what was taken, close. Each step is bounded; whether everything has ended in time."""
        self._begin_stopping()
        # before the log is closed: the next server's file must not be taken for this one's
        server_file.remove(self._settings.server.data)
        side_work = [self._close_dashboard, self._upkeep.stop, self._hub.stop]
        stop_together([*side_work, self._demo.stop] if self._demo is not None else side_work, _SIDE_WORK_SECONDS)
        self._ingest.close()
        self._queries.close()
        # what the writer is still at was not acknowledged; to close the log under its hands could only harm
        return self.writer.stop(_WRITER_SECONDS) and self.log.close_within(_READER_SECONDS)

    def _readiness(self) -> list[str]:
        reasons = ["stopping"] if self._stopping else ["starting"] if self._starting else []
        if not self.log.space.has_room():
            reasons.append("storage_full")
        failure = self.writer.counts.last_failure
        if failure is not None:
            reasons.append(f"the last commit failed: {failure}")
        return reasons

    def _parts(self) -> Parts:
        return Parts(
            settings=self._settings,
            clock=self._clock,
            log=self.log,
            writer=self.writer,
            hub=self._hub,
            queries=self._queries,
            ingest=self._ingest,
            readiness=self._readiness,
            is_stopping=lambda: self._stopping,
            viewers=lambda: self._dashboard_viewers(),  # noqa: PLW0108 - set when the dashboard starts
            job_states=self._upkeep.states,
            rollup_lag=self._upkeep.rollup_lag,
            admin_token=self._token,
        )

    def _guard(self) -> Guard:
        networks = tuple(ip_network(str(network)) for network in self._settings.server.trusted_proxies)
        return Guard(frozenset({self._api.port, self._ui_port}), trusted_proxies=networks)

    def _uvicorn_config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._gate,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            backlog=2048,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )

    def _write_server_file(self) -> None:
        content = server_file.ServerFile(self._url(self._api.port), self._url(self._ui_port), self._token, os.getpid())
        try:
            server_file.write(self._settings.server.data, content)
        except OSError as fault:
            # a full disk: figures can be read all the same
            _logger.warning("commands won't find this server", file=server_file.FILE_NAME, reason=fault.strerror)

    def _url(self, port: int) -> str:
        host = self._settings.server.host
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_address(settings: Settings) -> None:
    server = settings.server
    if server.auth == "keys" or (server.auth == "auto" and not is_loopback(server.host)):
        raise ConfigError(
            f"server.host {server.host}: this version has no keys yet and serves loopback addresses only; "
            "use 127.0.0.1 and put a proxy with access control in front"
        )


def _warm_up() -> None:
    """Pay for imports that Arrow would make at the first batch, while nobody waits."""
    pa.array(["warm"], pa.string())


def _hub_options(settings: Settings) -> HubOptions:
    analytics = settings.analytics
    return HubOptions(analytics.base_currency, analytics.timezone, analytics.snapshot_interval_seconds)
