"""Dead letters replayed, against a plain model: each event at most once, each letter gone exactly when it is stored."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.clock import DAY_US, SECOND_US, iso
from appliance.config import Settings
from appliance.events.batch import IdempotencyIds
from appliance.ingest.dead_letter_list import Filter, list_letters
from appliance.ingest.intake import Decoder
from appliance.ingest.replay import Outcome, Replayer, Wanted
from appliance.log.duckdb_log import DuckDBLog, LogOptions
from appliance.log.protocol import Batch
from appliance.log.writer import Writer
from appliance.testing import START_US, SettableClock


@dataclass
class House:
    """A log with its writer, and ways to send and to replay."""

    clock: SettableClock
    log: DuckDBLog
    writer: Writer
    decoder: Decoder

    @property
    def replayer(self) -> Replayer:
        return Replayer(self.decoder, self.log, self.writer)

    def send(self, *events: Any, source: str = "http") -> None:
        body = b"\n".join(event if isinstance(event, bytes) else json.dumps(event).encode() for event in events)
        judged = self.decoder.decode(body, "ndjson", source)
        self.writer.submit(Batch(judged.rows, judged.dead_letters)).result(10)

    def letters(self) -> list[dict[str, Any]]:
        """All, oldest first."""
        with self.log.reader() as cursor:
            found: list[dict[str, Any]] = list_letters(cursor, Filter(), limit=1_000)["dead_letters"]
        return found[::-1]

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.log.read(None, 10_000)[0].to_pylist()
        return found

    def mend(self, letter_id: str, event: Any) -> Outcome:
        return self.replayer.replay([Wanted(letter_id, json.dumps(event).encode())])


@contextmanager
def _house(**options: Any) -> Iterator[House]:
    clock = SettableClock()
    log = DuckDBLog(None, clock, LogOptions(**options))
    writer = Writer(log, clock)
    writer.start()
    try:
        yield House(clock, log, writer, Decoder(Settings(), clock, log.custom_types))
    finally:
        writer.stop()
        log.close()


@pytest.fixture
def house() -> Iterator[House]:
    with _house() as made:
        yield made


_BAD = {"event_type": "conversion", "user_id": "ada", "properties": {"revenue": "a lot"}}
_GOOD = {"event_type": "conversion", "user_id": "ada", "properties": {"revenue": "3"}}


def test_a_mended_letter_becomes_an_event_of_its_first_receipt(house: House) -> None:
    """Time, source and id are the letter's where the event has none; the letter is gone."""
    house.send(_BAD)
    (letter,) = house.letters()
    house.clock.advance(3_600)
    outcome = house.mend(letter["id"], _GOOD)
    (event,) = house.events()

    assert (1, 0, []) == (outcome.accepted, outcome.duplicates, outcome.rejected)
    assert (START_US, START_US) == tuple(
        round(event[name].timestamp() * SECOND_US) for name in ("timestamp", "received_at")
    )
    assert ("http", uuid.UUID(letter["id"])) == (event["source"], uuid.UUID(bytes=_bytes(event["event_id"])))
    assert [] == house.letters()


def test_the_same_replay_again_is_a_duplicate(house: House) -> None:
    """A lost answer and a double click store nothing, even when the event was mended in another way meanwhile."""
    house.send(_BAD)
    (letter,) = house.letters()
    house.mend(letter["id"], _GOOD)
    again = house.replayer.replay(
        [Wanted(letter["id"]), Wanted(letter["id"], json.dumps(_GOOD | {"event_id": "o"}).encode())]
    )

    assert (0, 2, []) == (again.accepted, again.duplicates, again.rejected)
    assert 1 == len(house.events())


def test_what_is_refused_again_stays_as_it_was(house: House) -> None:
    """No second letter; the answer says where and why. An id that never was is not found."""
    house.send(_BAD)
    before = house.letters()
    outcome = house.replayer.replay([Wanted(before[0]["id"]), Wanted("never"), Wanted(str(uuid.UUID(int=7)))])

    assert [(0, "bad_amount"), (1, "not_found"), (2, "not_found")] == [
        (index, rejection.code) for index, rejection in outcome.rejected
    ]
    assert before == house.letters()


def test_a_letter_whose_event_is_in_the_log_is_settled(house: House) -> None:
    """Sent again by its sender in the meantime, it counts as a duplicate and goes."""
    house.send(_BAD, _GOOD | {"event_id": "order-1"})
    (letter,) = house.letters()
    outcome = house.mend(letter["id"], _GOOD | {"event_id": "order-1"})

    assert (0, 1, 1, []) == (outcome.accepted, outcome.duplicates, len(house.events()), house.letters())


def test_ids_are_looked_up_in_the_whole_log() -> None:
    """An event that de-duplication has long forgotten is recognised all the same."""
    with _house(dedup_window_us=DAY_US, dedup_fewest=1) as house:
        house.send(_BAD, *[_GOOD | {"event_id": f"order-{number}"} for number in range(8)])
        house.clock.advance(3 * 86_400)
        house.send(_GOOD | {"event_id": "late"})
        house.send(_GOOD | {"event_id": "order-0"})
        assert 10 == len(house.events())
        outcome = house.mend(house.letters()[0]["id"], _GOOD | {"event_id": "order-1"})

        assert (0, 1, 10, []) == (outcome.accepted, outcome.duplicates, len(house.events()), house.letters())


def test_time_is_judged_as_of_now(house: House) -> None:
    """What lay in the future no longer does; what has become too old is refused, its own time or the letter's."""
    ahead = {"event_type": "x", "user_id": "u", "timestamp": iso(START_US + DAY_US)}
    house.send(ahead, _BAD)
    future, bad = house.letters()
    house.clock.advance(2 * 86_400)
    assert 1 == house.replayer.replay([Wanted(future["id"])]).accepted
    house.clock.advance(500 * 86_400)
    ((_, rejection),) = house.mend(bad["id"], _GOOD).rejected

    assert "timestamp_too_old" == rejection.code


def test_a_cut_payload_can_only_be_mended(house: House) -> None:
    """Of a large payload the beginning is kept, and the letter says how large it was."""
    payload = b'{"event_type":"x","user_id":"u","properties":{"text":"' + b"\xc3\xa4" * 50_000 + b'"}}'
    house.send(payload)
    (letter,) = house.letters()
    ((_, rejection),) = house.replayer.replay([Wanted(letter["id"])]).rejected

    assert (len(payload), "utf-8", True) == (
        letter["payload_bytes"],
        letter["payload_encoding"],
        payload.decode().startswith(letter["payload"]),
    )
    assert 65_536 >= len(letter["payload"].encode()) > 65_000
    assert "too_large" == rejection.code
    assert 1 == house.mend(letter["id"], _GOOD).accepted


def test_two_replays_at_once_store_one(house: House) -> None:
    """Mended differently by two people at the same moment, a letter becomes one event."""
    house.send(*[_BAD] * 50)
    ids = [letter["id"] for letter in house.letters()]
    outcomes: list[Outcome] = []
    barrier = Barrier(2)

    def replay(name: str) -> None:
        barrier.wait()
        for number, letter_id in enumerate(ids):
            outcomes.append(house.mend(letter_id, _GOOD | {"event_id": f"{name}-{number}"}))

    threads = [Thread(target=replay, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert (50, 50, 50) == (
        len(house.events()),
        sum(outcome.accepted for outcome in outcomes),
        sum(outcome.duplicates for outcome in outcomes),
    )


def test_an_idempotency_key_names_the_letter(house: House) -> None:
    """A bad event sent again under its key is one letter, and none after it was replayed; its event keeps the id."""

    def send() -> None:
        ids = IdempotencyIds("", "K")
        judged = house.decoder.decode(json.dumps([_BAD, _BAD]).encode(), "json", "http", idempotency=ids)
        house.writer.submit(Batch(judged.rows, judged.dead_letters)).result(10)

    send()
    send()
    first, second = house.letters()
    house.mend(first["id"], _GOOD)
    send()

    assert [second["id"]] == [letter["id"] for letter in house.letters()]
    assert [first["id"]] == [str(uuid.UUID(bytes=_bytes(event["event_id"]))) for event in house.events()]


@dataclass
class Model:
    """What must be there, in plain sets: letters by number, events by what they say."""

    letters: list[int] = field(default_factory=list)
    """Numbers of the letters that are there, oldest first."""
    replayed: set[int] = field(default_factory=set)
    events: list[str] = field(default_factory=list)
    dropped: int = 0

    def replay(self, number: int, name: str | None, own_id: str | None) -> str:
        """Mend a letter with an event of that name, or replay it as it is, which is bad."""
        if number in self.replayed:
            return "duplicate"
        if number not in self.letters or name is None:
            return "rejected"
        self.letters.remove(number)
        self.replayed.add(number)
        if own_id is not None and own_id in self.events:
            return "duplicate"
        self.events.append(own_id or name)
        return "accepted"


_number = st.integers(0, 7)
_step = st.one_of(
    st.tuples(st.just("reject"), st.integers(1, 3)),
    st.tuples(st.just("replay"), st.lists(_number, min_size=1, max_size=4)),
    st.tuples(st.just("mend"), st.lists(st.tuples(_number, st.sampled_from([None, "x", "y"])), min_size=1, max_size=4)),
    st.tuples(st.just("discard"), _number),
    st.tuples(st.just("bound"), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(_step, max_size=12))
def test_any_history_leaves_what_the_model_says(steps: list[tuple[str, Any]]) -> None:
    """Refused, replayed, mended, discarded and bounded in any order: the same events, the same letters, the counts."""
    with _house(dead_letter_max_rows=4) as house:
        model, ids = Model(), list[str]()
        for name, what in steps:
            _play(house, model, ids, name, what)
            known = {letter_id: number for number, letter_id in enumerate(ids)}
            ids += [letter["id"] for letter in house.letters() if letter["id"] not in known]
            assert model.letters == [ids.index(letter["id"]) for letter in house.letters()]
        stock = house.log.dead_letters.stock

        assert sorted(model.events) == sorted(event["user_id"] for event in house.events())
        assert (len(model.letters), model.dropped, len(model.replayed)) == (stock.rows, stock.dropped, stock.replayed)
        assert sum(len(letter["payload"]) for letter in house.letters()) == stock.payload_bytes


def _play(house: House, model: Model, ids: list[str], step: str, what: Any) -> None:
    never = str(uuid.UUID(int=1))
    if step == "reject":
        house.clock.advance(1)
        house.send(*[{"event_type": "Bad", "user_id": f"letter-{number}"} for number in range(what)])
        model.letters += range(len(ids), len(ids) + what)
        if len(model.letters) > 4.4:  # a tenth more than there may be
            _bound(model)
        house.writer.call(lambda: None).result(10)  # the writer bounds after it has answered
    elif step in ("replay", "mend"):
        wanted, expected = [], []
        for entry in what:
            number, own_id = entry if step == "mend" else (entry, None)
            user = own_id or f"letter-{number}"
            event = {"event_type": "ok", "user_id": user} | ({"event_id": own_id} if own_id else {})
            mended = json.dumps(event).encode() if step == "mend" else None
            wanted.append(Wanted(ids[number] if number < len(ids) else never, mended))
            expected.append(model.replay(number, user if step == "mend" else None, own_id))
        outcome = house.replayer.replay(wanted)
        told = (outcome.accepted, outcome.duplicates, len(outcome.rejected))
        assert tuple(expected.count(word) for word in ("accepted", "duplicate", "rejected")) == told
    elif step == "discard":
        letter_id = uuid.UUID(ids[what] if what < len(ids) else never)
        found = house.writer.call(lambda: house.log.dead_letters.discard([letter_id.bytes])).result(10)
        assert (what in model.letters) == bool(found)
        model.letters = [number for number in model.letters if number != what]
    else:
        house.writer.call(house.log.dead_letters.bound).result(10)
        _bound(model)


def _bound(model: Model) -> None:
    model.dropped += max(0, len(model.letters) - 4)
    model.letters = model.letters[-4:]


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else uuid.UUID(str(value)).bytes
