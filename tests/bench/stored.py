"""A log with many events: starting on it, reading it at rest and while more arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import httpx

from appliance.analytics.metrics import metrics_at
from appliance.clock import SystemClock
from appliance.events.types import FIRST_CUSTOM_KEY
from appliance.sql import queries
from tests.bench.dashboards import watched
from tests.bench.load_client import pace
from tests.bench.machine import memory_mib
from tests.bench.report import Report
from tests.bench.scale import Scale
from tests.bench.synthetic import CUSTOM_TYPE, Synthetic
from tests.bench.wire_events import bodies, request
from tests.process import ApplianceProcess, run_command

_ARRIVING_EACH = 100
_ARRIVING_REQUESTS_PER_SECOND = 100


def measure(report: Report, scale: Scale, folder: Path, *, port: int) -> None:
    """All about a log that holds ``scale.stored_events``."""
    appliance = ApplianceProcess(folder / "stored", port=port, ui_port=port + 1, output=folder / "stored.txt")
    with appliance:
        appliance.start()
        appliance.wait_ready()
        appliance.stop()
        _fill(report, scale, appliance.data)
        _figures_alone(report, scale, appliance.data / "events.duckdb")
        _starts(report, scale, appliance)
        asyncio.run(_served(report, scale, appliance))
        now, peak = memory_mib(appliance.pid)
        group = f"Memory and disk with {scale.stored_events:,} events"
        report.add(group, "resident memory at the end", [now], "MiB", target=1024)
        report.add(group, "largest resident memory since the start", [peak], "MiB", target=1024)
        appliance.stop()


def _fill(report: Report, scale: Scale, data: Path) -> None:
    """Write the events straight into the log file of a stopped appliance, then make what follows the log."""
    path = data / "events.duckdb"
    connection = duckdb.connect(str(path), config={"memory_limit": "2GB"})
    try:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("INSERT INTO event_types VALUES (?, ?)", [FIRST_CUSTOM_KEY, CUSTOM_TYPE])
        for table in Synthetic(scale.stored_events, now_us=SystemClock().now_us()).tables():
            connection.register("incoming", table)
            connection.execute("INSERT INTO events SELECT * FROM incoming")
            connection.unregister("incoming")
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
    group = f"Memory and disk with {scale.stored_events:,} events"
    report.add(group, "disk", [path.stat().st_size / scale.stored_events], "bytes/event", target=60)
    began = time.perf_counter()
    told = run_command("rebuild", "--data", str(data))
    if told.returncode != 0:
        raise RuntimeError(f"rebuild failed: {told.stderr}")
    report.add(group, "`appliance rebuild`", [time.perf_counter() - began], "s")


def _figures_alone(report: Report, scale: Scale, path: Path) -> None:
    """The KPI set as a function call, next to plain SQL for the same figures."""
    connection = duckdb.connect(str(path), read_only=True, config={"threads": 2})
    as_of_us = SystemClock().now_us()
    statements = queries("tests.bench", "plain_kpi.sql").values()

    def plain() -> None:
        for statement in statements:
            connection.execute(statement, {"as_of": as_of_us} if "$as_of" in statement else None).fetchall()

    try:
        connection.execute("SET TimeZone = 'UTC'")
        figures = _rounds(scale.kpi_rounds, lambda: metrics_at(connection, as_of_us, base_currency="USD"))
        straight = _rounds(scale.kpi_rounds, plain)
    finally:
        connection.close()
    group = _kpi_group(scale)
    report.add(group, "KPI set, nothing else running", figures, "ms", target=100)
    report.add(group, "plain DuckDB, the same figures straight from the events", straight, "ms")


def _starts(report: Report, scale: Scale, appliance: ApplianceProcess) -> None:
    """Start to ready; the last one is left running."""
    took = []
    for number in range(scale.rounds):
        if number:
            appliance.stop()
        began = time.perf_counter()
        appliance.start()
        appliance.wait_ready(120)
        took.append(time.perf_counter() - began)
    report.add("Start", f"start to ready with {scale.stored_events:,} events", took, "s", target=5)


async def _served(report: Report, scale: Scale, appliance: ApplianceProcess) -> None:
    """Ticks, `/v1/metrics` and visibility at rest and while 10,000 events a second arrive."""
    group = _kpi_group(scale)
    await asyncio.sleep(2)
    for name, arriving in (("at rest", False), ("while 10,000 events/s arrive", True)):
        load = asyncio.create_task(_arrivals(scale, appliance) if arriving else asyncio.sleep(0, None))
        async with watched(appliance.ui_port, 1) as audience:
            answers = await _metrics_answers(scale, appliance)
        report.add(group, f"a tick of the served snapshot, {name}", audience.tick_ms, "ms")
        report.add(group, f"GET /v1/metrics, {name}", answers, "ms")
        if (sent := await load) is not None:
            report.add(
                group,
                "rate that arrived meanwhile",
                [sent.accepted / sent.seconds],
                "events/s",
                better="more",
                target=9_500,
            )
            report.add(group, "acknowledgement meanwhile, p99", [sent.percentile_ms(99)], "ms")
    shown = [await _visible_after(appliance) for _ in range(scale.rounds)]
    report.add(group, "accepted to shown on a dashboard", shown, "s", target=2)


async def _arrivals(scale: Scale, appliance: ApplianceProcess) -> Any:
    count = _ARRIVING_REQUESTS_PER_SECOND * scale.watch_seconds
    made = await asyncio.to_thread(bodies, count, _ARRIVING_EACH, ids=True, seed=SystemClock().now_us())
    requests = [request(body) for body in made]
    return await pace(appliance.port, requests, _ARRIVING_EACH, _ARRIVING_REQUESTS_PER_SECOND)


async def _metrics_answers(scale: Scale, appliance: ApplianceProcess) -> list[float]:
    took = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{appliance.port}") as client:
        for _ in range(scale.watch_seconds * 2):
            began = time.perf_counter()
            (await client.get("/v1/metrics")).raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.5)
    return took


async def _visible_after(appliance: ApplianceProcess) -> float:
    """Seconds from the acknowledgement of a purchase, in a currency of its own, until a viewer's figures count it."""
    async with watched(appliance.ui_port, 1) as audience:
        before = audience.revenue("XTS")
        now = SystemClock().now_us() / 1e6
        money = {"revenue": 1, "currency": "XTS"}
        event = {"event_type": "conversion", "user_id": "bench", "timestamp": now - 1, "properties": money}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{appliance.port}") as client:
            (await client.post("/v1/events", json=event)).raise_for_status()
        began = time.perf_counter()
        while audience.revenue("XTS") <= before:
            await asyncio.sleep(0.01)
            if time.perf_counter() - began > 30:
                raise TimeoutError("a purchase was accepted and not shown within 30 s")
        return time.perf_counter() - began


def _rounds(count: int, work: Callable[[], object]) -> list[float]:
    work()
    took = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return took


def _kpi_group(scale: Scale) -> str:
    return f"Figures over {scale.stored_events:,} events"
