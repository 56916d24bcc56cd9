"""``scripts/kill9-mirrors``: the kill loop of the mirrors with its options, and its outcome in words."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console

from tests.acceptance.mirror_kill_loop import MirrorKillLoop, Outcome, Plan
from tests.integration.postgres_target import PostgresTarget
from tests.integration.redis_target import RedisTarget
from tests.process import free_ports
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis
from tests.services.session import Session


def main() -> int:
    """Run it; 0 when each mirror equals the log, 1 when not."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="kill9-mirrors-"))
    outcome = _run(options, folder)
    say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    for name, value in dataclasses.asdict(outcome).items():
        if name != "faults":
            say(f"{name.replace('_', ' '):28}{value:>12,}")
    for fault in outcome.faults:
        say(f"FAULT: {fault}")
    say(f"{'BROKEN' if outcome.faults else 'kept'}: each mirror equals the log, exactly ({folder})")
    return 1 if outcome.faults else 0


def _run(options: argparse.Namespace, folder: Path) -> Outcome:
    port, ui_port = free_ports()
    plan = Plan(options.rounds, port, ui_port, clients=options.clients, seed=options.seed)
    session = Session()
    try:
        with (
            RedisTarget.made_on(session.shared(Redis)) as redis,
            PostgresTarget.made_on(session.shared(PostgreSQL)) as postgres,
        ):
            return MirrorKillLoop(plan, folder, redis, postgres).run()
    finally:
        session.end()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/kill9-mirrors", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=int,
        default=30,
        help="how often the appliance is killed (30; some 200 an hour, then Redis forgets)",
    )
    parser.add_argument("--clients", type=int, default=4, help="concurrent senders (4)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the kills")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
