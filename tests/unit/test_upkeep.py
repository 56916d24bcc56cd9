"""What upkeep removes is gone for good: it goes by time that has passed, not by a clock that was set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clock import DAY_US
from appliance.config import Settings
from appliance.events.rejection import DeadLetter
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.log.writer import Writer
from appliance.testing import START_US, SettableClock, make_row
from appliance.upkeep import Upkeep


class House:
    """A log with one event and one dead letter, and its upkeep."""

    def __init__(self, folder: Path) -> None:
        self.clock = SettableClock()
        self.log = DuckDBLog(folder, self.clock)
        self.writer = Writer(self.log, self.clock)
        self.writer.start()
        settings = Settings.model_validate({"server": {"data": folder}, "log": {"retention_days": 30}})
        self.upkeep = Upkeep(settings, self.log, self.writer, self.clock)
        letter = DeadLetter(START_US, "http", "wrong_type", "user_id", "send text", b"{}")
        self.writer.submit(Batch([make_row()], [letter])).result(10)

    def kept(self) -> tuple[int, int]:
        """How many events and dead letters are left once everything due has been removed."""
        self.upkeep.expire_events()
        self.upkeep.bound_dead_letters()
        self.upkeep.trim_minutes()
        with self.log.reader() as cursor:
            found: tuple[int, int] = cursor.execute(
                "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM dead_letters)"
            ).fetchall()[0]
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.upkeep.stop()
    made.writer.stop()
    made.log.close()


@pytest.mark.parametrize("jump_us", [400 * DAY_US, -400 * DAY_US])
def test_a_clock_that_jumps_removes_nothing(house: House, jump_us: int) -> None:
    """Set a year ahead or back, by mistake or by an attacker, it costs no event and no dead letter."""
    house.clock.set(START_US + jump_us)

    assert (1, 1) == house.kept()


def test_time_that_passes_removes_what_is_due(house: House) -> None:
    """After the days that they are kept, both go."""
    house.clock.advance(32 * 86_400)

    assert (0, 0) == house.kept()
