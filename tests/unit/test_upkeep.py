"""What upkeep removes is gone for good: it goes by time that has passed, not by a clock that was set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.clock import DAY_US
from appliance.config import Settings
from appliance.events.rejection import DeadLetter
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.protocol import Batch
from appliance.log.writer import Writer
from appliance.store.control import open_store
from appliance.testing import START_US, SettableClock, make_row
from appliance.upkeep import Upkeep


class House:
    """A log and its upkeep."""

    def __init__(self, folder: Path, now_us: int = START_US) -> None:
        self.clock = SettableClock(now_us)
        self.log = DuckDBLog(folder, self.clock)
        self.writer = Writer(self.log, self.clock)
        self.writer.start()
        settings = Settings.model_validate({"server": {"data": folder}, "log": {"retention_days": 30}})
        self.store = open_store(folder)
        self.upkeep = Upkeep(settings, self.log, self.writer, self.store, self.clock)

    def receive(self) -> None:
        """An event and a dead letter come in."""
        now_us = self.clock.now_us()
        letter = DeadLetter(now_us, "http", "wrong_type", "user_id", "send text", b"{}")
        self.writer.submit(Batch([make_row(timestamp_us=now_us)], [letter])).result(10)

    def end(self) -> None:
        self.upkeep.stop()
        self.store.close()
        self.writer.stop()
        self.log.close()

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
    """One with an event and a dead letter."""
    made = House(tmp_path)
    made.receive()
    yield made
    made.end()


@pytest.mark.parametrize("jump_us", [400 * DAY_US, -400 * DAY_US])
def test_a_clock_that_jumps_removes_nothing(house: House, jump_us: int) -> None:
    """Set a year ahead or back, by mistake or by an attacker, it costs no event and no dead letter."""
    house.clock.set(START_US + jump_us)

    assert (1, 1) == house.kept()


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """``make_house(now_us)``: the same folder again, at another time."""
    made: list[House] = []

    def make(now_us: int = START_US) -> House:
        for before in made[-1:]:
            before.end()
        made.append(House(tmp_path, now_us))
        return made[-1]

    yield make
    made[-1].end()


def test_started_with_a_clock_far_ahead_it_removes_nothing(make_house: Callable[..., House]) -> None:
    """A start long after the newest event goes on from that event, and what then passes counts."""
    make_house().receive()
    ahead = make_house(START_US + 400 * DAY_US)
    assert (1, 1) == ahead.kept()
    ahead.clock.set(START_US + 4_000 * DAY_US)
    assert (1, 1) == ahead.kept()
    ahead.clock.advance(32 * 86_400)
    assert (0, 0) == ahead.kept()


def test_after_a_long_pause_the_second_start_expires(make_house: Callable[..., House]) -> None:
    """The appliance was off for a year: the first start keeps what is old, and the next one lets it go."""
    make_house().receive()
    first = make_house(START_US + 400 * DAY_US)
    first.receive()
    assert (2, 2) == first.kept()
    assert (1, 1) == make_house(START_US + 401 * DAY_US).kept()


def test_a_pause_of_days_is_believed(make_house: Callable[..., House]) -> None:
    """Off over a long weekend, it lets go at once of what became due meanwhile."""
    house = make_house()
    house.receive()
    house.clock.advance(28 * 86_400)
    house.receive()
    assert (1, 1) == make_house(START_US + 33 * DAY_US).kept()


def test_time_that_passes_removes_what_is_due(house: House) -> None:
    """After the days that they are kept, both go."""
    house.clock.advance(32 * 86_400)

    assert (0, 0) == house.kept()
