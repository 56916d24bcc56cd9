"""Kafka through SIGKILL: of the appliance and of the broker, at random moments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.kafka_kill_loop import KafkaKillLoop, Plan
from tests.process import free_ports
from tests.services.kafka import Kafka


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed .*socket:ResourceWarning")
def test_every_valid_event_is_stored_once_and_every_poison_kept_once(kafka: Kafka, tmp_path: Path) -> None:
    """Killed four times with a broker that is killed or stopped once, the log is what the topics hold."""
    port, ui_port = free_ports()
    plan = Plan(20_000, kills=4, broker_restarts=1, port=port, ui_port=ui_port, messages_per_second=1_500)
    outcome = KafkaKillLoop(plan, kafka, tmp_path).run()

    assert [] == outcome.faults
    assert (4, 1) == (outcome.kills, outcome.broker_restarts)
    assert 20_000 <= outcome.messages
    assert 20 <= outcome.dead_letters
    assert 0 < outcome.duplicates
