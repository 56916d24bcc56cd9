"""Bodies made of chance, and what the decoder makes of them beside the reference."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
import zstandard

from appliance.clock import DAY_US, SECOND_US
from appliance.config import Settings
from appliance.errors import BodyError
from appliance.events.batch import Framing, Judged
from appliance.events.keys import make_uuid7s
from appliance.events.rejection import DeadLetter
from appliance.events.row import EventRow, Row
from appliance.ingest.inflate import inflate
from appliance.ingest.intake import Decoder
from appliance.log.columns import dead_letter_table, to_table
from appliance.log.dead_letters import KEPT_BYTES
from appliance.testing import SettableClock
from tests.unit.events import plain_json, reference
from tests.unit.events.json_soup import EventSoup, Verbatim, Writer
from tests.unit.events.rules import Fault, Terms, Verdict

NOW_US: Final = 1_795_500_000_000_000
MAX_EVENTS: Final = 40
_INFLATED_BYTES: Final = 1 << 20
_STORE_EVERY: Final = 500

TERMS: Final = Terms(
    now_us=NOW_US, oldest_us=NOW_US - 395 * DAY_US, latest_us=NOW_US + 600 * SECOND_US, max_events=MAX_EVENTS
)
_SPLICES: Final = (
    b"NaN", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\\u0000", b"\\ud800", b'"', b"\\", b",", b"]", b"}", b"[", b"{",
    b"\xef\xbb\xbf", b"\n", b"\r\n", b"\0", b"1e999", b":", b" ", b"null", b'"a":1,', b'"user_id":"v",', b"\xf0\x9f",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A body as sent. ``plain`` is what it inflates to, or the code that its encoding alone earns."""

    sent: bytes
    framing: Framing
    encoding: str | None
    plain: bytes | str


class BodyFuzz:
    """Case number n of a seed is the same on every machine."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        ingest = Settings().ingest.model_copy(update={"max_events": MAX_EVENTS})
        self.seen: Counter[str] = Counter()
        self._rows: list[Row] = []
        self._dead_letters: list[DeadLetter] = []
        self._decoder = Decoder(Settings().model_copy(update={"ingest": ingest}), SettableClock(NOW_US))

    def case(self, number: int) -> Case:
        rng = random.Random(f"{self._seed}:{number}")
        framing: Framing = rng.choice(("json", "json", "ndjson"))
        body = _body(rng, framing)
        if rng.random() < 0.25:
            body = _mutated(rng, body)
        if rng.random() < 0.97:
            return Case(body, framing, None, body)
        return _compressed(rng, body, framing)

    def fault(self, case: Case) -> str | None:
        """What is wrong with the decoder's answer; ``None`` when the contract allows it."""
        expected = case.plain if isinstance(case.plain, str) else reference.decode(case.plain, case.framing, TERMS)
        try:
            judged = self._decode(case)
        except BodyError as error:
            self.seen[error.code] += 1
            refused = expected.code if isinstance(expected, reference.Refused) else expected
            return (
                None if error.code == refused else f"the body was refused as {error.code}, due was {_shown(expected)}"
            )
        except Exception as crash:  # noqa: BLE001 - what the fuzzer is after
            return f"crashed with {crash!r}"
        if not isinstance(expected, list):
            return f"the body was taken, due was {_shown(expected)}"
        return _difference(judged, expected)

    def faults(self, numbers: range) -> Iterator[tuple[int, str, Case]]:
        """Number, fault and case of each that went wrong."""
        for number in numbers:
            case = self.case(number)
            wrong = self.fault(case)
            if wrong is None and (number % _STORE_EVERY == 0 or number == numbers[-1]):
                wrong = self._storing_fault()
            if wrong is not None:
                yield number, wrong, case

    def _decode(self, case: Case) -> Judged:
        body = case.sent if case.encoding is None else inflate(case.sent, case.encoding, _INFLATED_BYTES)
        judged = self._decoder.decode(body, case.framing, "http")
        self.seen["accepted"] += len(judged.rows)
        self.seen.update(fault.code for _, fault in judged.rejected)
        self._rows += judged.rows
        self._dead_letters += judged.dead_letters
        msgspec.json.encode([(at, fault.code, fault.field, fault.message) for at, fault in judged.rejected])
        return judged

    def _storing_fault(self) -> str | None:
        """What was taken lately must fit into the log's columns, whatever it was."""
        rows, letters = self._rows, self._dead_letters
        self._rows, self._dead_letters = [], []
        try:
            if rows:
                to_table(rows, make_uuid7s(len(rows), NOW_US), [100] * len(rows), 1).validate(full=True)
            dead_letter_table(letters, make_uuid7s(len(letters), NOW_US), KEPT_BYTES)
        except Exception as crash:  # noqa: BLE001 - as above
            return f"one of the last {_STORE_EVERY} bodies can't be stored: {crash!r}"
        return None


def _shown(expected: object) -> str:
    return str(expected)[:300]


def _difference(judged: Judged, expected: list[Verdict]) -> str | None:
    rejected = dict(judged.rejected)
    if len(judged.rows) + len(rejected) != len(expected):
        return f"{len(judged.rows) + len(rejected)} events were seen of {len(expected)}"
    rows = iter(judged.rows)
    for index, verdict in enumerate(expected):
        if index in rejected:
            got = Fault(rejected[index].code, rejected[index].field)
            if _as_answered(got) not in {_as_answered(fault) for fault in verdict.faults | verdict.free}:
                return f"event {index} was rejected as {got}, due was {_shown(verdict)}"
        elif (wrong := _wrong_field(EventRow(*next(rows)), verdict)) is not None:  # type: ignore[arg-type]
            return f"event {index}: {wrong}"
    return None


def _as_answered(fault: Fault) -> Fault:
    """Names of fields are shortened in answers, and stripped of what can't be encoded."""
    name = fault.field
    if name is not None:
        parts = name.split(".", 1) if name.startswith("properties.") else [name]
        name = ".".join(part[:100].encode("utf-8", "replace").decode().replace("\0", "?") for part in parts)
    return Fault(fault.code, name)


def _wrong_field(row: EventRow, verdict: Verdict) -> str | None:  # noqa: PLR0911 - one return a claim
    if verdict.faults:
        return f"accepted, though {verdict.faults}"
    due: dict[str, Any] = dict(verdict.accepted)
    first_us, last_us = due.pop("timestamp_us")
    if not first_us <= row.timestamp_us <= last_us:
        return f"timestamp_us is {row.timestamp_us}, due was {first_us} to {last_us}"
    due["event_id"] = due["event_id"] or b""
    properties = plain_json.plain(plain_json.parse(row.properties))
    if properties != due.pop("properties"):
        return f"properties are {row.properties[:300]}"
    if "\n" in row.properties or "\r" in row.properties:
        return "properties hold a line end, which NDJSON can't carry"
    if row.id_given != bool(due["event_id"]):
        return "id_given is wrong"
    for name, value in due.items():
        given = value.strip() == "" if isinstance(value, str) else value is None
        if getattr(row, name) != (None if given and name in {"session_id", "campaign_id"} else value):
            return f"{name} is {getattr(row, name)!r}, due was {value!r}"
    return None


def _body(rng: random.Random, framing: Framing) -> bytes:
    roll = rng.random()
    if roll < 0.02:
        return _special(rng)
    writer, soup = Writer(rng), EventSoup(rng, NOW_US)
    count = rng.choice((0, 1, 1, 1, 2, 3, 5)) if roll < 0.998 else rng.choice((MAX_EVENTS, MAX_EVENTS + 1))
    events = [soup.event() if count < MAX_EVENTS else Verbatim('{"event_type":"x","user_id":1}') for _ in range(count)]
    if framing == "ndjson":
        ends = rng.choice(("\n", "\r\n", "\n\n", "\n \r\n"))
        lines = (writer.write(event).replace("\n", " ") for event in events)
        text = ends.join(lines) + rng.choice(("", "\n"))
    elif count == 1 and rng.random() < 0.6:
        text = writer.write(events[0])
    else:
        text = writer.blank() + "[" + ",".join(map(writer.write, events)) + writer.blank() + "]" + writer.blank()
    return text.encode("utf-8", "surrogatepass")


def _special(rng: random.Random) -> bytes:
    """Bodies that hardly come about by chance: at exact limits, and very deep."""
    roll = rng.random()
    if roll < 0.35:
        fill = rng.choice(("a", "é", "😀"))
        size = 32 * 1024 + rng.choice((-1, 0, 1)) - len('{"a":""}')
        text = fill * (size // len(fill.encode())) + "b" * (size % len(fill.encode()))
        extra = rng.choice(("", ',"unknown":1', ',"a":{"b":1,"b":2}'))
        return f'[{{"event_type":"x","user_id":1,"properties":{{"a":"{text}"}}{extra}}}]'.encode()
    if roll < 0.5:
        blanks = " " * (32 * 1024 - 2 + rng.choice((0, 1)))
        return f'{{"event_type":"x","user_id":1,"properties":{{{blanks}}}}}'.encode()
    if roll < 0.9:
        levels = rng.choice((31, 32, 33, 34, 100, 900, 1_000, 1_100, 5_000) if rng.random() < 0.99 else (100_000,))
        field = rng.choice(("properties", "unknown", "session_id", "received_at"))
        opening, closing = rng.choice((('{"a":', "}"), ("[", "]")))
        nested = opening * levels + "1" + closing * (levels - rng.choice((0, 0, 0, 1)))
        return f'[{{"event_type":"x","user_id":"u"}},{{"event_type":"x","user_id":1,"{field}":{nested}}}]'.encode()
    return rng.choice(
        (b"", b" \r\n\t", b"[]", b"[ ]", b"[[]]", b"{}", b"null", b"5", b'"x"', b"[1,2]", b"[" * 100_000, b"{" * 5)
    )


def _mutated(rng: random.Random, body: bytes) -> bytes:
    found = bytearray(body)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randint(0, len(found))
        roll = rng.random()
        if roll < 0.4:
            found[at:at] = rng.choice(_SPLICES)
        elif roll < 0.6:
            del found[at : at + rng.choice((1, 1, 2, 8, 64))]
        elif roll < 0.75 and at < len(found):
            found[at] ^= 1 << rng.randrange(8)
        elif roll < 0.9:
            start = rng.randint(0, len(found))
            found[at:at] = found[start : start + rng.choice((1, 4, 16, 64))]
        else:
            del found[at:]
    return bytes(found)


def _compressed(rng: random.Random, body: bytes, framing: Framing) -> Case:
    encoding = rng.choice(("gzip", "zstd"))
    press = partial(gzip.compress, mtime=0) if encoding == "gzip" else zstandard.compress
    roll = rng.random()
    if roll < 0.4:
        return Case(press(body), framing, encoding, body)
    if roll < 0.6:
        half = rng.randint(0, len(body))
        return Case(press(body[:half]) + press(body[half:]), framing, encoding, body)
    if roll < 0.75:
        sent = press(body)
        return Case(sent[: rng.randint(1, len(sent) - 1)], framing, encoding, "bad_encoding")
    if roll < 0.9:
        return Case(press(body) + rng.choice((b"x", b"garbage!" * 9)), framing, encoding, "bad_encoding")
    return Case(press(bytes(_INFLATED_BYTES + 1)), framing, encoding, "too_large")
