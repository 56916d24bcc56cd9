"""``scripts/fuzz``: the decoder beside the reference, for as long as wanted."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from functools import partial

from rich.console import Console

from tests.unit.events.fuzz import BodyFuzz

_SHARD = 2_500
_MOST_SHOWN = 20


def main() -> int:
    """Run it; 0 when no body went wrong, 1 otherwise."""
    options = _options()
    shards = [
        range(first, min(first + _SHARD, options.start + options.count))
        for first in range(options.start, options.start + options.count, _SHARD)
    ]
    say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    began, faults = time.monotonic(), 0
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for done, found in enumerate(pool.imap_unordered(partial(_faults, options.seed), shards), start=1):
            faults += len(found)
            for line in found[:_MOST_SHOWN]:
                say(line)
            if done % 20 == 0:
                say(f"{done * _SHARD:>12,} bodies, {time.monotonic() - began:6.0f} s, {faults} faults")
    say(f"{options.count:,} bodies of seed {options.seed}, {time.monotonic() - began:.0f} s: {faults} faults")
    return 1 if faults else 0


def _faults(seed: int, numbers: range) -> list[str]:
    return [
        f"FAULT: body {number}: {wrong}\n{case.framing}, {case.encoding}: {case.sent[:4_000]!r}"
        for number, wrong, case in BodyFuzz(seed).faults(numbers)
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="how many bodies (1,000,000)")
    parser.add_argument("--seed", type=int, default=0, help="which bodies")
    parser.add_argument("--start", type=int, default=0, help="number of the first body, to look at one again")
    parser.add_argument("--processes", type=int, default=1, help="how many at once (1)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
