"""What every mirror has to do, whatever it writes to: one suite, run on the fake and on each real service.

A mirror plugs in with a ``Harness`` and a class of tests::

    class TestRedis(MirrorConformance):
        @pytest.fixture
        def harness(self, redis: RedisService) -> Harness:
            return RedisHarness(redis)

Effects are compared as plain values: ``expected`` says what the target must hold after it was given events, written
for reading and without the mirror's own code; ``effects`` reads what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

import pytest

from appliance.adapters.protocol import CursorMoved, Mirror, MirrorBatch, RefusedEvent
from appliance.clock import DAY_US, HOUR_US, SECOND_US, from_datetime
from appliance.events.row import Row
from appliance.events.types import KNOWN_TYPES
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.position import Position
from appliance.log.protocol import Batch
from appliance.testing import SettableClock, make_row

Event = dict[str, Any]
"""A row of the log's table ``events`` by column, as Arrow gives it to Python."""

MOST_MONEY: Final = 10**18 - 1
"""The largest amount in ten-thousandths: DECIMAL(18, 4)."""


class Harness(Protocol):
    """How the suite gets at one mirror's target, which is empty when a test begins and is its alone."""

    clock: SettableClock
    """The clock that the mirrors get; it stands at ``START_US`` or at the present."""

    def connect(self) -> Mirror:
        """A mirror into the target, not set up yet; each call gives a client of its own."""

    def expected(self, events: Sequence[Event]) -> Any:
        """What ``effects`` must give once these events were mirrored in this order."""

    def effects(self) -> Any:
        """What the target holds of this mirror, without its cursor."""

    def expected_without(self, events: Sequence[Event], user_id: str) -> Any:
        """The same, once the person was erased after them; of events ``without_person`` is what is left."""

    def refusable(self) -> Row | None:
        """An event that the target refuses for good; ``None`` where there is none."""


class MirrorConformance:
    """The suite. ``expires``: whether ``expire`` is this mirror's business."""

    expires = True

    @pytest.fixture
    def harness(self) -> Harness:
        """The mirror under test."""
        raise NotImplementedError

    def test_setup_can_be_repeated(self, harness: Harness) -> None:
        """Setting up twice, and by two clients, changes nothing that was written between."""
        mirror, log = _ready(harness), Written()
        events = _mirror_all(mirror, log, [make_row(event_id="a")])
        mirror.setup()
        other = _ready(harness)
        assert harness.expected(events) == harness.effects()
        assert log.tail() == other.cursor()

    def test_a_new_target_has_no_cursor(self, harness: Harness) -> None:
        """Before anything was written there is no cursor and no effect."""
        assert _ready(harness).cursor() is None
        assert harness.expected([]) == harness.effects()

    def test_effects_and_cursor_move_together(self, harness: Harness) -> None:
        """After a write another client finds the batch and its cursor."""
        log = Written()
        events = _mirror_all(_ready(harness), log, [make_row(user_id=f"u{number % 3}") for number in range(50)])
        assert log.tail() == _ready(harness).cursor()
        assert harness.expected(events) == harness.effects()

    def test_batches_follow_one_another(self, harness: Harness) -> None:
        """Several batches have the effect of one, the cursor standing after each at its end."""
        mirror, log = _ready(harness), Written()
        log.append([make_row(user_id=f"u{number % 3}") for number in range(20)])
        events: list[Event] = []
        for batch in log.batches(mirror.cursor(), size=7):
            mirror.write(batch, nothing_refused)
            assert batch.position == mirror.cursor()
            events += batch.events.to_pylist()
            assert harness.expected(events) == harness.effects()
        assert 20 == len(events)

    def test_writing_again_changes_nothing(self, harness: Harness) -> None:
        """A batch whose outcome is unknown may be written again, by the same client or a new one."""
        mirror, log = _ready(harness), Written()
        log.append([make_row(event_id=str(number)) for number in range(10)])
        (batch,) = log.batches(None)
        for client in (mirror, mirror, _ready(harness)):
            client.write(batch, nothing_refused)
            assert harness.expected(batch.events.to_pylist()) == harness.effects()
            assert batch.position == client.cursor()

    def test_a_cursor_elsewhere_is_respected(self, harness: Harness) -> None:
        """A batch that doesn't follow the target's cursor is turned away without effect."""
        mirror, log = _ready(harness), Written()
        log.append([make_row(user_id=f"u{number}") for number in range(12)])
        first, second, third = log.batches(None, size=4)
        mirror.write(first, nothing_refused)
        for wrong in (third, MirrorBatch(second.events, None, second.position)):
            with pytest.raises(CursorMoved):
                mirror.write(wrong, nothing_refused)
        assert harness.expected(first.events.to_pylist()) == harness.effects()
        assert first.position == mirror.cursor()

    def test_two_clients_do_not_double(self, harness: Harness) -> None:
        """Of two clients that read the same cursor one writes; the other finds it done, or is turned away."""
        log, one, other = Written(), _ready(harness), _ready(harness)
        log.append([make_row(user_id=f"u{number}") for number in range(10)])
        assert one.cursor() is other.cursor() is None
        whole, part = log.batches(None)[0], log.batches(None, size=6)[0]
        one.write(whole, nothing_refused)
        other.write(whole, nothing_refused)
        with pytest.raises(CursorMoved):
            other.write(part, nothing_refused)
        assert harness.expected(whole.events.to_pylist()) == harness.effects()

    def test_an_empty_batch_moves_the_cursor(self, harness: Harness) -> None:
        """Where events have expired or are left out, the cursor moves alone; from nothing also."""
        mirror, log = _ready(harness), Written()
        log.append([make_row(), make_row()])
        first, second = log.batches(None, size=1)
        nothing = first.events.slice(0, 0)
        mirror.write(MirrorBatch(nothing, None, first.position), nothing_refused)
        assert first.position == _ready(harness).cursor()
        mirror.write(MirrorBatch(nothing, first.position, second.position), nothing_refused)
        assert second.position == _ready(harness).cursor()
        assert harness.expected([]) == harness.effects()

    def test_odd_values_arrive_as_they_are(self, harness: Harness) -> None:
        """Unicode, quotes, long ids, the limits of money and time, empty and large properties, deep nesting."""
        log = Written()
        events = _mirror_all(_ready(harness), log, odd_rows(harness.clock.now_us()))
        assert len(odd_rows(0)) == len(events)
        assert harness.expected(events) == harness.effects()

    def test_many_types(self, harness: Harness) -> None:
        """Every known type and hundreds of custom ones, over several days and hours."""
        now_us = harness.clock.now_us()
        types = [*KNOWN_TYPES, *(f"custom.kind-{number}:x" for number in range(300))]
        rows = [
            make_row(name, f"u{number % 5}", now_us - number * 7 * 60 * SECOND_US) for number, name in enumerate(types)
        ]
        events = _mirror_all(_ready(harness), Written(), rows)
        assert harness.expected(events) == harness.effects()

    def test_refused_events_are_told_and_hold_nothing_up(self, harness: Harness) -> None:
        """What the target refuses for good is told with a reason, before the cursor moves, and the rest is there."""
        refusable = harness.refusable()
        if refusable is None:
            pytest.skip("this target refuses nothing that the log takes")
        mirror, log, told = _ready(harness), Written(), Told()
        log.append([make_row(user_id="before"), refusable, make_row(user_id="after")])
        (batch,) = log.batches(None)
        before, refused, after = batch.events.to_pylist()

        def tell(events: Sequence[RefusedEvent]) -> None:
            assert _ready(harness).cursor() is None
            told(events)

        mirror.write(batch, tell)
        assert [(str(refused["event_id"]), refused["seq"])] == [(event.event_id, event.seq) for event in told.events]
        assert all(event.reason for event in told.events)
        assert harness.expected([before, after]) == harness.effects()
        assert batch.position == mirror.cursor()

    def test_a_refusal_that_cannot_be_written_down_stops_the_batch(self, harness: Harness) -> None:
        """Where dead letters can't be kept the cursor stays, so that the refused event is met again."""
        refusable = harness.refusable()
        if refusable is None:
            pytest.skip("this target refuses nothing that the log takes")
        mirror, log, told = _ready(harness), Written(), Told()
        log.append([make_row(user_id="before"), refusable])
        (batch,) = log.batches(None)

        def fail(_events: Sequence[RefusedEvent]) -> None:
            raise OSError("no space left on device")

        with pytest.raises(OSError, match="no space left"):
            mirror.write(batch, fail)
        assert _ready(harness).cursor() is None
        again = _ready(harness)
        again.write(batch, told)
        assert 1 == len(told.events)
        assert harness.expected(batch.events.to_pylist()[:1]) == harness.effects()

    def test_the_cursor_names_its_log(self, harness: Harness) -> None:
        """The cursor comes back with the identity of the log it is in, and no other log's batch is taken there."""
        mine, other, mirror = Written(), Written(), _ready(harness)
        events = _mirror_all(mirror, mine, [make_row(), make_row()])
        other.append([make_row(), make_row(), make_row()])
        cursor = _ready(harness).cursor()
        assert cursor is not None
        assert mine.tail().identity == cursor.identity != other.tail().identity
        with pytest.raises(CursorMoved):
            mirror.write(other.batches(None)[0], nothing_refused)
        assert harness.expected(events) == harness.effects()

    def test_erasing_a_person(self, harness: Harness) -> None:
        """What belongs to one person goes, once; the cursor and everybody else stay."""
        mirror, log = _ready(harness), Written()
        ada, *others = 'ada "*?[x]\\ %_', "ada", "b*", "B"
        users = [ada, *others, ada, *others]
        events = _mirror_all(mirror, log, [make_row("email_opened", user) for user in users])
        assert mirror.erase(ada) > 0
        assert harness.expected_without(events, ada) == harness.effects()
        assert 0 == mirror.erase(ada) == mirror.erase("nobody")
        assert log.tail() == _ready(harness).cursor()

    def test_erasing_a_name_from_others_events(self, harness: Harness) -> None:
        """Who referred a person keeps the event, which doesn't say any more who it was."""
        mirror, log = _ready(harness), Written()
        rows = [
            make_row("referral_made", "bob", referred_user_id=user, properties={"referred_user_id": user, "via": "x"})
            for user in ("ada", "ann")
        ]
        events = _mirror_all(mirror, log, rows)
        mirror.erase("ada")
        assert harness.expected_without(events, "ada") == harness.effects()

    def test_an_erased_person_may_come_again(self, harness: Harness) -> None:
        """Events after the erasure are mirrored like anybody's."""
        mirror, log = _ready(harness), Written()
        events = _mirror_all(mirror, log, [make_row(user_id="ada")])
        mirror.erase("ada")
        erased = harness.effects()
        again = _mirror_all(mirror, log, [make_row(user_id="ada")])
        assert 1 == len(again)
        assert erased != harness.effects()
        mirror.erase("ada")
        assert harness.expected_without([*events, *again], "ada") == harness.effects()

    def test_reset_forgets_everything(self, harness: Harness) -> None:
        """After a reset there is no cursor and no effect, and the whole log can be written again."""
        mirror, log = _ready(harness), Written()
        events = _mirror_all(mirror, log, [make_row(user_id=f"u{number}") for number in range(10)])
        mirror.reset()
        mirror.reset()
        assert _ready(harness).cursor() is None
        assert harness.expected([]) == harness.effects()
        again = _ready(harness)
        for batch in log.batches(None):
            again.write(batch, nothing_refused)
        assert harness.expected(events) == harness.effects()

    def test_expiry(self, harness: Harness) -> None:
        """What happened before a day's beginning goes where expiry is this mirror's business, and nothing else."""
        mirror, log = _ready(harness), Written()
        today_us = harness.clock.now_us() // DAY_US * DAY_US
        times = (today_us - DAY_US, today_us - 1, today_us, today_us + HOUR_US)
        events = _mirror_all(mirror, log, [make_row(timestamp_us=at_us) for at_us in times])
        mirror.expire(today_us)
        kept = [event for event in events if from_datetime(event["timestamp"]) >= today_us]
        assert 2 == len(kept)
        assert harness.expected(kept if self.expires else events) == harness.effects()
        assert log.tail() == mirror.cursor()

    def test_health_and_close(self, harness: Harness) -> None:
        """A target that answers is healthy; closing twice is no harm, and another client goes on."""
        mirror = _ready(harness)
        mirror.health()
        mirror.close()
        mirror.close()
        _ready(harness).health()


class Written:
    """A log in memory that is written to here and read in batches, as a runner does."""

    def __init__(self) -> None:
        self._log = DuckDBLog(None, SettableClock())

    def append(self, rows: Sequence[Row]) -> None:
        self._log.append([Batch(list(rows))])

    def tail(self) -> Position:
        return self._log.tail()

    def batches(self, cursor: Position | None, size: int = 10_000) -> list[MirrorBatch]:
        """Everything that follows a cursor, at most ``size`` events a batch."""
        found: list[MirrorBatch] = []
        events, position = self._log.read(cursor, size)
        while len(events):
            found.append(MirrorBatch(events, cursor, position))
            cursor = position
            events, position = self._log.read(cursor, size)
        return found


class Told:
    """Remembers what was refused."""

    def __init__(self) -> None:
        self.events: list[RefusedEvent] = []

    def __call__(self, events: Sequence[RefusedEvent]) -> None:
        self.events += events


def nothing_refused(events: Sequence[RefusedEvent]) -> None:
    """For batches of which nothing may be refused."""
    assert [] == list(events)


def odd_rows(now_us: int) -> list[Row]:
    """Events with every odd value that the log takes, about ``now_us``."""
    nested: dict[str, Any] = {"end": True}
    for _ in range(30):
        nested = {"in": nested}
    at_us = now_us - 60 * SECOND_US
    texts = [
        "ü😀\u2028\u200f",
        'it\'s "quoted" \\ and {braces} %s $1 :x',
        " lead and trail ",
        "\t\n\r\x7f",
        "日" * 200,
        "x" * 200,
    ]
    return [
        *(make_row("email_clicked", text, at_us, event_id=text, session_id=text, campaign_id=text) for text in texts),
        *(make_row("email_clicked", "u", at_us, properties={text: [text, {text: text}]}) for text in texts),
        *(
            make_row("conversion", "u", at_us + number, amount=amount, currency="EUR", properties={"revenue": "1"})
            for number, amount in enumerate([MOST_MONEY, -MOST_MONEY, 0, 1, -1, 12_345, None])
        ),
        *(make_row("a" * 64, "u", at_us + number) for number in (0, 1, 999_999)),
        make_row("email_opened", "u", at_us, label="machine_prefetch", label_version=3, mailbox_provider="gmail"),
        make_row("email_bounced", "u", at_us, bounce_type="hard", link="https://example.org/?q=ü&x='"),
        make_row("referral_made", "u", at_us, referred_user_id="ü" * 200, contest_id="c'1"),
        make_row("x", "u", at_us, properties={}),
        make_row("x", "u", at_us, properties=nested),
        make_row("x", "u", at_us, properties={"long": "y" * (32 * 1024 - 20)}),
        make_row("x", "u", at_us, properties={f"key{number}": number for number in range(2_000)}),
        make_row(
            "x", "u", at_us, properties={"": None, "a.b": 1.5, ".": True, "n": -0.0, "big": 2**64, "dots..": [[]]}
        ),
        make_row("x", "u", now_us + 9 * 60 * SECOND_US),
        make_row("x", "u", now_us - 40 * DAY_US),
    ]


def plain(event: Event) -> Event:
    """The event's own fields in comparable form: instants as microseconds, ``properties`` parsed, the id as text."""
    amount: Decimal | None = event["amount"]
    return event | {
        "event_id": str(event["event_id"]),
        "timestamp": from_datetime(event["timestamp"]),
        "received_at": from_datetime(event["received_at"]),
        "amount": None if amount is None else str(amount),
        "properties": json.loads(event["properties"]),
    }


def without_person(events: Sequence[Event], user_id: str) -> list[Event]:
    """What is left of events: none of the person's own, and the others' without the name."""
    left = [event for event in events if event["user_id"] != user_id]
    return [_unnamed(event) if event["referred_user_id"] == user_id else event for event in left]


def _unnamed(event: Event) -> Event:
    properties = json.loads(event["properties"])
    properties.pop("referred_user_id", None)
    return event | {"referred_user_id": None, "properties": json.dumps(properties)}


def _ready(harness: Harness) -> Mirror:
    mirror = harness.connect()
    mirror.setup()
    return mirror


def _mirror_all(mirror: Mirror, log: Written, rows: Sequence[Row]) -> list[Event]:
    """Append rows to the log and mirror what follows the cursor; returns the events that were mirrored."""
    log.append(rows)
    events: list[Event] = []
    for batch in log.batches(mirror.cursor()):
        mirror.write(batch, nothing_refused)
        events += batch.events.to_pylist()
    return events
