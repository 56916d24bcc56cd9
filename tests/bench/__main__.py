"""``scripts/bench``: measure the appliance beside plain DuckDB, on this machine, in one run."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import tempfile
from pathlib import Path

import uvloop

from tests.bench import ingest, stored
from tests.bench.machine import describe
from tests.bench.report import Report
from tests.bench.scale import Scale, quick

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"


def main() -> None:
    """Run what was asked for; the table is printed while it grows."""
    options = _options()
    scale = quick() if options.quick else Scale()
    if options.events is not None:
        scale = dataclasses.replace(scale, stored_events=options.events)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        report = Report(describe(Path(folder)), _conditions(scale))
        for name, value in report.machine.items():
            report.console.print(f"{name}: {value}", highlight=False)
        for part in (ingest, stored):
            if options.only in {None, part.__name__.rpartition(".")[2]}:
                part.measure(report, scale, Path(folder), port=options.port)
    if options.write:
        report.write(_PAGE)


def _conditions(scale: Scale) -> str:
    return (
        f"The load client shares the machine's cores with the appliance. {scale.rounds} rounds of each flood; "
        "every answer is checked to accept all of its request; acknowledged means committed and fsynced. "
        "Plain DuckDB inserts the same rows in the same rounds, one committed transaction a batch, from "
        "Arrow tables made beforehand: it decodes, checks and serves nothing. "
        "Median and best are over the rounds; the target is held against the median."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="everything once and small, under a minute")
    parser.add_argument("--events", type=int, help="events in the log that is read (10,000,000)")
    parser.add_argument("--only", choices=("ingest", "stored"), help="one half alone")
    parser.add_argument("--folder", type=Path, help="where the data folders are made (the system's temporary folder)")
    parser.add_argument("--port", type=int, default=18_300, help="port of the API; the next one is the dashboard's")
    parser.add_argument("--write", action="store_true", help="rewrite docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
