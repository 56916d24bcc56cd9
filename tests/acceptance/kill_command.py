"""``scripts/kill9``: the kill loop with its options, and its outcome in words."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console

from tests.acceptance.kill_loop import KillLoop, Plan


def main() -> int:
    """Run it; 0 when the promise was kept, 1 when not."""
    options = _options()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="kill9-"))
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        rounds=options.rounds,
        port=options.port,
        ui_port=options.port + 1,
        clients=options.clients,
        verify_every=options.verify_every,
        seed=options.seed,
    )
    outcome = KillLoop(plan, folder).run()
    say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    for name, value in dataclasses.asdict(outcome).items():
        if name != "faults":
            say(f"{name.replace('_', ' '):28}{value:>12,}")
    for fault in outcome.faults:
        say(f"FAULT: {fault}")
    say(f"{'BROKEN' if outcome.faults else 'kept'}: nothing acknowledged lost, nothing stored twice ({folder})")
    return 1 if outcome.faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/kill9", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how often it is killed (200)")
    parser.add_argument("--clients", type=int, default=8, help="concurrent senders (8)")
    parser.add_argument("--verify-every", type=int, default=10, help="rounds between two runs of `verify` (10)")
    parser.add_argument("--port", type=int, default=18_380, help="port of the API; the next one is the dashboard's")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the kills")
    parser.add_argument("--keep", type=Path, help="empty folder for the data, kept afterwards")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
