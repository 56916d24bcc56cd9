"""``scripts/kafka9``: the kill loop over a real Kafka with its options, and its outcome in words."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console

from tests.integration.kafka_kill_loop import KafkaKillLoop, Plan
from tests.process import free_ports
from tests.services.errors import NotStarted, Unavailable
from tests.services.kafka import Kafka
from tests.services.session import Session


def main() -> int:
    """Run it; 0 when the promise was kept, 1 when not, 2 without a Kafka."""
    options = _options()
    say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="kafka9-"))
    folder.mkdir(parents=True, exist_ok=True)
    port, ui_port = free_ports()
    plan = Plan(
        options.messages, options.kills, options.broker_restarts, port, ui_port,
        partitions=options.partitions, seed=options.seed, messages_per_second=options.rate,
    )  # fmt: skip
    session = Session()
    try:
        outcome = KafkaKillLoop(plan, session.shared(Kafka), folder).run()
    except (Unavailable, NotStarted) as reason:
        say(str(reason))
        return 2
    finally:
        session.end()
    for name, value in dataclasses.asdict(outcome).items():
        if name != "faults":
            say(f"{name.replace('_', ' '):28}{value:>12,}")
    for fault in outcome.faults:
        say(f"FAULT: {fault}")
    say(f"{'BROKEN' if outcome.faults else 'kept'}: every valid event once, every poison once ({folder})")
    return 1 if outcome.faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/kafka9", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages to send (1,000,000)")
    parser.add_argument("--kills", type=int, default=30, help="how often the appliance is killed (30)")
    parser.add_argument("--broker-restarts", type=int, default=5, help="how often the broker is stopped or killed (5)")
    parser.add_argument("--partitions", type=int, default=2, help="partitions of each of the two topics (2)")
    parser.add_argument("--rate", type=int, default=10_000, help="messages a second that are sent (10,000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the kills")
    parser.add_argument("--keep", type=Path, help="empty folder for the data, kept afterwards")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
