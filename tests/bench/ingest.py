"""Ingest over HTTP beside plain DuckDB, and how long an acknowledgement takes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pyarrow as pa

from appliance.clock import MINUTE_US, SystemClock
from appliance.events.batch import judge, split
from appliance.events.keys import make_uuid7s
from appliance.events.normalise import Intake
from appliance.events.parsed import WireLimits
from appliance.events.row import FIELDS
from appliance.events.types import FIRST_CUSTOM_KEY, KNOWN_TYPES
from appliance.log.columns import to_table
from tests.bench.dashboards import watched
from tests.bench.load_client import Load, flood, pace
from tests.bench.machine import memory_mib, processor_seconds
from tests.bench.plain_duckdb import inserts_per_second
from tests.bench.report import Report
from tests.bench.scale import Flood, Scale
from tests.bench.wire_events import bodies, request
from tests.process import ApplianceProcess

_LOW_LOAD_PER_SECOND = 50


def measure(report: Report, scale: Scale, folder: Path, *, port: int) -> None:
    """All about taking events in, on a log that begins empty."""
    appliance = ApplianceProcess(folder / "ingest", port=port, ui_port=port + 1, output=folder / "ingest.txt")
    with appliance:
        appliance.start()
        appliance.wait_ready()
        accepted = asyncio.run(flood(port, [request(body) for body in bodies(500, 20, ids=True)], 20, 32)).accepted
        for plan in scale.floods:
            accepted += _floods(report, scale, plan, folder, appliance)
        accepted += _acknowledgements(report, scale, appliance)
        now, peak = memory_mib(appliance.pid)
        report.add("Memory and disk", "resident memory after the ingest rounds", [now], "MiB", target=1024)
        report.add("Memory and disk", "largest resident memory during them", [peak], "MiB", target=1024)
        appliance.stop()
    size = sum(file.stat().st_size for file in appliance.data.glob("events.duckdb*"))
    report.add("Memory and disk", f"disk, {accepted:,} events sent over HTTP", [size / accepted], "bytes/event")


def _floods(report: Report, scale: Scale, plan: Flood, folder: Path, appliance: ApplianceProcess) -> int:
    """Rounds of one flood, with and without ids, each next to plain DuckDB with the same rows."""
    plain = _ready_rows(scale.plain_rows // (100 if plan.events_each == 1 else 1))
    loads: dict[bool, list[Load]] = {False: [], True: []}
    processor: list[float] = []
    ceiling: list[float] = []
    for number in range(scale.rounds):
        for ids in (False, True):
            requests = [request(body) for body in bodies(plan.requests, plan.events_each, ids=ids, seed=_seed(number))]
            before = processor_seconds(appliance.pid)
            loads[ids].append(asyncio.run(flood(appliance.port, requests, plan.events_each, plan.connections)))
            processor.append((processor_seconds(appliance.pid) - before) / loads[ids][-1].accepted * 1e6)
        ceiling.append(inserts_per_second(folder / "plain.duckdb", plain, plan.events_each))
    _report_floods(report, plan, loads, processor, ceiling)
    return sum(load.accepted for each in loads.values() for load in each)


def _report_floods(
    report: Report, plan: Flood, loads: dict[bool, list[Load]], processor: list[float], ceiling: list[float]
) -> None:
    group = f"Ingest: {plan.name}"
    rates = {ids: [load.accepted / load.seconds for load in each] for ids, each in loads.items()}
    report.add(group, "without event_id", rates[False], "events/s", better="more", target=plan.target)
    report.add(group, "each with an event_id of its own", rates[True], "events/s", better="more", target=plan.target)
    for percent in (50, 99):
        values = [load.percentile_ms(percent) for each in loads.values() for load in each]
        report.add(group, f"acknowledgement under this load, p{percent}", values, "ms")
    report.add(group, "processor time of the appliance", processor, "µs/event")
    report.add(group, "plain DuckDB, a commit for each such batch", ceiling, "events/s", better="more")
    ratios = [100 * rate / plain for rate, plain in zip(rates[False], ceiling, strict=True)]
    goal = 60 if plan.events_each == 1_000 else None
    report.add(group, "of plain DuckDB, without event_id", ratios, "%", better="more", target=goal)


def _acknowledgements(report: Report, scale: Scale, appliance: ApplianceProcess) -> int:
    """50 requests a second of one event each, without and with dashboards open."""
    alone = asyncio.run(_paced(scale, appliance, viewers=0))
    watched_by = asyncio.run(_paced(scale, appliance, viewers=scale.viewers))
    group = f"Acknowledgement at {_LOW_LOAD_PER_SECOND} requests a second"
    for load, name, most in ((alone, "no dashboard", 50), (watched_by, f"{scale.viewers} dashboards open", 100)):
        report.add(group, f"{name}, p50", [load.percentile_ms(50)], "ms", target=10)
        report.add(group, f"{name}, p99", [load.percentile_ms(99)], "ms", target=most)
    return alone.accepted + watched_by.accepted


async def _paced(scale: Scale, appliance: ApplianceProcess, *, viewers: int) -> Load:
    count = scale.pace_seconds * _LOW_LOAD_PER_SECOND
    requests = [request(body) for body in bodies(count, 1, ids=True, seed=_seed(100 + viewers))]
    async with watched(appliance.ui_port, viewers):
        return await pace(appliance.port, requests, 1, _LOW_LOAD_PER_SECOND)


def _ready_rows(count: int) -> pa.Table:
    """Events of the same requests as an Arrow table, decoded by the appliance's own code."""
    now_us = SystemClock().now_us()
    intake = Intake(
        received_us=now_us, source="http", base_currency="USD", oldest_us=None, latest_us=now_us + MINUTE_US
    )
    body = msgspec.json.encode([msgspec.Raw(each) for each in bodies(count, 1, ids=False)])
    rows = judge(split(body, "json", count), WireLimits(), intake).rows
    position = FIELDS.index("event_type")
    keys = [KNOWN_TYPES.get(str(row[position]), FIRST_CUSTOM_KEY) for row in rows]
    return to_table(rows, make_uuid7s(len(rows), now_us), keys, 1)


def _seed(number: int) -> int:
    """Other events, and ids, in every round and run."""
    return SystemClock().now_us() + number
