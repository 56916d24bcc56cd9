"""The composition root: builds the parts, starts and stops them in order. The only place that knows everything."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import sys
import threading
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from typing import Final

import pyarrow as pa
import structlog
import uvloop

from appliance import __version__, allocator, server_file
from appliance.access.guard import Guard, is_loopback
from appliance.access.setup import make_access, show_keys_once
from appliance.adapters.registry import configured
from appliance.adapters.supervisor import Mirrors
from appliance.analytics.hub import HubOptions, Snapshot, SnapshotHub
from appliance.api.application import make_application
from appliance.api.exports import Exports
from appliance.api.parts import Parts
from appliance.api.stream import stream_messages
from appliance.clock import Clock, SystemClock
from appliance.config import Settings
from appliance.config.secrets import secret_values
from appliance.demo.feeder import DemoFeeder
from appliance.errors import ApplianceError
from appliance.ingest.http import HttpIngest
from appliance.ingest.intake import Decoder
from appliance.ingest.kafka.consumer import KafkaIngest
from appliance.ingest.limits import ByteBudget
from appliance.jobs import Job
from appliance.listening.crowd import Crowd, Limits
from appliance.listening.files import raise_file_limit, share_of_files
from appliance.listening.server import Server
from appliance.listening.sockets import Listener, free_port
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.from_settings import log_options, writer_options
from appliance.log.query_pool import QueryPool
from appliance.log.writer import Writer
from appliance.masking import Mask
from appliance.query.pool import SqlOptions, SqlPool
from appliance.stopping import StopRequest, end_process, stop_together
from appliance.store.control import ControlStore, open_store
from appliance.store.mirrors import MirrorStore
from appliance.traffic import Traffic
from appliance.upkeep import Upkeep

_logger = structlog.get_logger(__name__)

# How long requests may still take, what works beside them, the writer, and readers: within stopping.LIMIT_SECONDS.
GRACE_SECONDS: Final = 4
_SIDE_WORK_SECONDS: Final = 3.0
_WRITER_SECONDS: Final = 4.0
_READER_SECONDS: Final = 1.0
# How often keys are looked at anew, and their last use is written down.
ACCESS_SECONDS: Final = 60
# How often memory that is not needed any more goes back to the system.
MEMORY_SECONDS: Final = 60
SHORT_KEY: Final = 24
# Where commands on this machine find a server that listens everywhere.
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound to, asked about
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
        allocator.bound_arenas()
        _warn_if_open(settings)
        raise_file_limit()
        self._stop_request = stop_request or StopRequest()
        self._settings = settings
        self._clock = clock or SystemClock()
        self._starting, self._stopping = True, False
        self._api = Listener.bind(settings.server.host, settings.server.port)
        self._api.drop_stalled_after(settings.server.send_timeout_seconds)
        self._crowd = Crowd(_limits(settings))
        self._ui_port = settings.server.ui_port or free_port(settings.server.host)
        self._dashboard_viewers: Callable[[], int] = lambda: 0
        self._close_dashboard: Callable[[], object] = lambda: None
        _warm_up()
        self.log = DuckDBLog(settings.server.data, self._clock, log_options(settings))
        self.writer = Writer(self.log, self._clock, writer_options(settings))
        self.decoder = Decoder(settings, self._clock, self.log.custom_types)
        budget = ByteBudget(settings.ingest.queue_bytes)
        traffic = Traffic(self._clock.monotonic)
        self._ingest = HttpIngest(self.decoder, self.writer, self.log.space, budget, traffic)
        self._hub = SnapshotHub(self.log, self._clock, _hub_options(settings))
        self._queries = QueryPool(self.log)
        self._sql = SqlPool(self.log, SqlOptions.of(settings))
        self._token = secrets.token_urlsafe(32)
        self._store = open_store(settings.server.data)
        self._access = make_access(settings, self._store, self._clock, self._token)
        tend_access = Job("access", self._access.tend, ACCESS_SECONDS)
        give_back = Job("memory", allocator.give_back, MEMORY_SECONDS)
        self._upkeep = Upkeep(settings, self.log, self.writer, self._store, self._clock, [tend_access, give_back])
        self._mirrors = _make_mirrors(settings, self.log, self._store, self._clock)
        self._kafka = self._make_kafka(settings)
        self._demo = self._make_demo() if demo else None
        self._gate = make_application(self._parts(), self._guard())

    def run(self, announce: Callable[[str, str], None] | None = None, show_key: Callable[[str], None] = print) -> None:
        """Serve until SIGTERM or Ctrl-C; returns when everything that was taken is durable.

        ``announce`` is called with the addresses of the API and of the dashboard when the API listens; ``show_key``
        before that, on the first start in key mode, with a line for each key that was made.
        """
        self._stop_request.listen()
        sys.setswitchinterval(SWITCH_SECONDS)
        show_keys_once(self._settings, self._store, self._access, show_key)
        self.writer.start()
        self._hub.start()
        try:
            self._upkeep.start()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve(announce))
        finally:
            has_ended = self._stop()
        _logger.info("stopped", in_time=has_ended)
        if not has_ended:
            end_process()

    async def _serve(self, announce: Callable[[str, str], None] | None) -> None:
        server = Server(
            self._gate, self._crowd, self._stop_request, on_stop=self._begin_stopping, grace_seconds=GRACE_SECONDS
        )
        serving = asyncio.create_task(server.serve(sockets=[self._api.socket]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started and not self._stopping:
            self._write_server_file()
            self._starting = False
            if announce is not None:
                announce(self._url(self._api.port), self._url(self._ui_port))
            self._tell_start()
            threading.Thread(target=self._start_the_rest, name="late-start", daemon=True).start()
        await serving

    def _tell_start(self) -> None:
        _logger.info(
            "started",
            version=__version__,
            api=self._url(self._api.port),
            dashboard=self._url(self._ui_port),
            data=str(self._settings.server.data.resolve()),
            mode="open" if self._access.open_mode else "keys",
            pid=os.getpid(),
        )

    def _start_the_rest(self) -> None:
        """What takes seconds to import, after the listener is up."""
        gc.collect()
        gc.freeze()
        # ingest makes many objects and few cycles: look for these less often
        gc.set_threshold(20_000, 20, 20)
        if self._demo is not None:
            self._demo.start(self.log.tail())
        self._start_mirrors()
        if self._kafka is not None and not self._stopping:
            self._kafka.start()
        try:
            self._start_dashboard()
        except ApplianceError as fault:
            _logger.warning("the dashboard could not start", reason=str(fault))

    def _start_mirrors(self) -> None:
        if self._mirrors.takes_figures:
            self._hub.subscribe(self._offer_figures)
        if not self._stopping:
            self._mirrors.start()

    def _offer_figures(self, snapshot: Snapshot) -> None:
        metrics = snapshot.figures["metrics"]
        self._mirrors.offer_figures({name: metric["value"] for name, metric in metrics.items()})

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
            sign_in=None if self._access.open_mode else self._access.sign_in,
            stream=partial(stream_messages, self._parts()),
        )
        self._dashboard_viewers, self._close_dashboard = dashboard.viewers, dashboard.stop
        if not self._stopping:
            dashboard.start()

    def _make_kafka(self, settings: Settings) -> KafkaIngest | None:
        if settings.kafka is None:
            return None
        mask = Mask(secret_values(settings))
        return KafkaIngest(settings.kafka, self.decoder, self.log.kafka_offsets, self.writer, self._clock, mask)

    def _make_demo(self) -> DemoFeeder:
        return DemoFeeder(self.decoder, self.writer, self._clock, after_history=self._upkeep.roll_up_now)

    def _begin_stopping(self) -> None:
        """May be called in the middle of anything, by a signal: so it takes no lock."""
        self._stopping = True

    def _stop(self) -> bool:
        """Stop taking, finish what was taken, close. Each step is bounded; whether everything has ended in time."""
        self._begin_stopping()
        _logger.info("stopping")
        # before the log is closed: the next server's file must not be taken for this one's
        server_file.remove(self._settings.server.data)
        side_work = [self._close_dashboard, self._upkeep.stop, self._hub.stop, self._mirrors.stop]
        feeding = [feeder.stop for feeder in (self._demo, self._kafka) if feeder is not None]
        stop_together([*side_work, *feeding], _SIDE_WORK_SECONDS)
        self._ingest.close()
        self._queries.close()
        self._sql.close()
        if self._upkeep.stop(0.0) and self._mirrors.stop(0.0):  # never under somebody who is at work with it
            self._store.close()
        # what the writer is still at was not acknowledged; to close the log under its hands could only harm
        return self.writer.stop(_WRITER_SECONDS) and self.log.close_within(_READER_SECONDS)

    def _readiness(self) -> list[str]:
        reasons = ["stopping"] if self._stopping else ["starting"] if self._starting else []
        if not self.log.space.has_room():
            reasons.append("storage_full")
        stall = self.log.stall.reason()
        if stall is not None:
            reasons.append(stall)
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
            sql=self._sql,
            ingest=self._ingest,
            exports=Exports(self._settings.server.max_exports),
            readiness=self._readiness,
            is_stopping=lambda: self._stopping,
            viewers=lambda: self._dashboard_viewers(),  # noqa: PLW0108 - set when the dashboard starts
            job_states=self._upkeep.states,
            rollup_lag=self._upkeep.rollup_lag,
            mirrors=self._mirrors,
            access=self._access,
            admin_token=self._token,
            kafka=self._kafka,
        )

    def _guard(self) -> Guard:
        networks = tuple(ip_network(str(network)) for network in self._settings.server.trusted_proxies)
        return Guard(
            frozenset({self._api.port, self._ui_port}), open_mode=self._access.open_mode, trusted_proxies=networks
        )

    def _write_server_file(self) -> None:
        own = _ANY_ADDRESS.get(self._settings.server.host, self._settings.server.host)
        urls = _url(own, self._api.port), _url(own, self._ui_port)
        content = server_file.ServerFile(*urls, self._token, os.getpid())
        try:
            server_file.write(self._settings.server.data, content)
        except OSError as fault:
            # a full disk: figures can be read all the same
            _logger.warning("commands won't find this server", file=server_file.FILE_NAME, reason=fault.strerror)

    def _url(self, port: int) -> str:
        return _url(self._settings.server.host, port)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _warn_if_open(settings: Settings) -> None:
    server = settings.server
    if server.auth == "open" and not is_loopback(server.host):
        _logger.warning("anyone who reaches this address may do everything: server.auth is open", host=server.host)
    for name, key in (("server.admin_key", server.admin_key), ("server.write_key", server.write_key)):
        if key is not None and len(key.get_secret_value()) < SHORT_KEY:
            _logger.warning("the configured key is short enough to be guessed: take 24 random characters", setting=name)


def _warm_up() -> None:
    """Pay for imports that Arrow would make at the first batch, while nobody waits."""
    pa.array(["warm"], pa.string())


def _limits(settings: Settings) -> Limits:
    server = settings.server
    return Limits(
        max_connections=share_of_files(server.max_connections, quarters=3),
        max_header_bytes=server.max_header_bytes,
        header_timeout_seconds=server.header_timeout_seconds,
        idle_timeout_seconds=server.idle_timeout_seconds,
    )


def _make_mirrors(settings: Settings, log: DuckDBLog, store: ControlStore, clock: Clock) -> Mirrors:
    return Mirrors(
        configured(settings),
        log,
        MirrorStore(store, clock),
        clock,
        retention_days=settings.log.retention_days,
        mask=Mask(secret_values(settings)),
    )


def _hub_options(settings: Settings) -> HubOptions:
    analytics = settings.analytics
    return HubOptions(analytics.base_currency, analytics.timezone, analytics.snapshot_interval_seconds)
