"""``scripts/soak``: everything at once on one appliance for half an hour, and what is left of it afterwards."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from tests.bench.dashboards import watched
from tests.bench.soak_load import Load, settle
from tests.bench.soak_page import section, write
from tests.bench.soak_proof import figures, recomputed, stored_once, verified
from tests.bench.soak_samples import Sample, findings, look
from tests.bench.soak_session import Session
from tests.process import ApplianceProcess, free_ports

_EVERY_SECONDS = 30.0
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
# At this pace the 128 MiB of the default would be reached once in an hour, and the run would see no checkpoint.
_SETTINGS = {"APPLIANCE__LOG__CHECKPOINT_WAL_BYTES": str(4 * 2**20)}
_HEADINGS = ("minute", "memory MiB", "open files", "threads", "disk MiB", "events")


def main() -> int:
    """Run, print the table, and return 1 where something was found."""
    options = _options()
    port, ui_port = free_ports()
    with tempfile.TemporaryDirectory(prefix="soak-", dir=options.folder) as folder:
        output = Path(folder) / "output.txt"
        data = Path(folder) / "data"
        with ApplianceProcess(data, port=port, ui_port=ui_port, output=output, environment=_SETTINGS) as appliance:
            appliance.start()
            appliance.wait_ready()
            appliance.wait_dashboard()
            found, summary = asyncio.run(_run(appliance, Path(folder), options.minutes, options.viewers))
        found += [
            f"the log has: {line[:300]}" for line in output.read_text().splitlines() if '"level": "error"' in line
        ]
    _say(f"\n{summary}")
    if options.write:
        write(_PAGE, summary)
    for finding in found:
        _say(f"FOUND: {finding}")
    _say(f"{len(found)} findings" if found else "Nothing found.")
    return 1 if found else 0


async def _run(appliance: ApplianceProcess, folder: Path, minutes: float, viewers: int) -> tuple[list[str], str]:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=40)
    address = f"http://127.0.0.1:{appliance.port}"
    async with httpx.AsyncClient(base_url=address, timeout=30, limits=limits) as client:
        session = Session(appliance, client, folder)
        samples = await _loaded(session, minutes, viewers)
        await settle(session)
        told = await figures(session)
    found = [*session.findings(), *findings(samples), *await asyncio.to_thread(lambda: [*verified(appliance.data)])]
    if (status := appliance.stop()) != 0:
        found.append(f"SIGTERM ended it with {status}: {appliance.last_words()}")
    found += [*stored_once(appliance.data, session.acknowledged), *recomputed(appliance.data, told)]
    return found, section(session, samples, found, viewers)


async def _loaded(session: Session, minutes: float, viewers: int) -> list[Sample]:
    """Everybody at work for ``minutes``; a sample every half minute, of a short run more often."""
    every = min(_EVERY_SECONDS, minutes * 60 / 12)
    samples: list[Sample] = []
    _say(_row(_HEADINGS))
    async with watched(session.appliance.ui_port, viewers):
        load = asyncio.create_task(Load(session).run())
        began = time.monotonic()
        while (passed := time.monotonic() - began) < minutes * 60:
            await asyncio.sleep(min(every, minutes * 60 - passed))
            passed = time.monotonic() - began
            samples.append(look(session.appliance.pid, session.appliance.data, passed / 60, len(session.acknowledged)))
            _say(_cells(samples[-1]))
        session.ended.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(load, 90)
    if not load.done() or load.cancelled():
        session.find("what was under way at the end was not answered within 90 s")
    return samples


def _cells(sample: Sample) -> str:
    numbers = (sample.memory_mib, sample.files, sample.threads, sample.disk_mib, sample.acknowledged)
    return _row((f"{sample.minute:.1f}", *(f"{number:,.0f}" for number in numbers)))


def _row(cells: Sequence[str]) -> str:
    return "".join(f"{cell:>12}" for cell in cells)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long everybody is at work (30)")
    parser.add_argument("--viewers", type=int, default=20, help="dashboards open all the time (20)")
    parser.add_argument("--folder", type=Path, help="where the data folder is made (the system's temporary folder)")
    parser.add_argument("--write", action="store_true", help="write the section of docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
