"""Durability: what was acknowledged is kept through SIGKILL, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.kill_loop import KillLoop, Plan
from tests.process import free_ports


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_and_nothing_stored_twice(tmp_path: Path) -> None:
    """Killed five times amid concurrent retries, it holds each acknowledged event exactly once."""
    port, ui_port = free_ports()
    outcome = KillLoop(Plan(rounds=5, port=port, ui_port=ui_port, clients=6, verify_every=1), tmp_path).run()
    assert outcome.faults == []
    assert outcome.kills == 5
    assert 0 < outcome.acknowledged <= outcome.stored
