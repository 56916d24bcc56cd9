"""A body of events, taken apart and judged one by one: what is stored, what is refused and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal

import msgspec

from appliance.errors import BodyError
from appliance.events.grammar import SyntaxFault, elements
from appliance.events.keys import uuid5_bytes
from appliance.events.normalise import Intake, normalise
from appliance.events.parsed import WireLimits
from appliance.events.rejection import DeadLetter, Rejection
from appliance.events.row import Row
from appliance.events.wire import parse_array, parse_event

Framing = Literal["json", "ndjson"]

_BLANKS: Final = b" \t\r\n"
_LINE: Final = re.compile(rb"[^ \t\r\n][^\n]*+")
# A body may hold millions of elements in its few bytes. One that can't, since its commas are fewer, is split at
# once; another is counted first, so that what is too large is refused before memory is spent on it.
_SURELY_FEW: Final = 1_000_000
# An array with more objects than that for each event it may hold is no array of plain events, or too long.
_OBJECTS_AN_EVENT: Final = 8
_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(slots=True)
class Judged:
    """The outcome of one body: rows in the order sent, and what was refused with its place."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[tuple[int, Rejection]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)


def split(body: bytes, framing: Framing, max_events: int) -> list[bytes]:
    """The bytes of each event of a body.

    Raises ``BodyError``: ``empty``, ``too_large`` (more than ``max_events``) or, for a body that is
    JSON, ``invalid_json`` where it doesn't parse as a whole.
    """
    events = _split_lines(body, max_events) if framing == "ndjson" else _split_json(body, max_events)
    if not events:
        raise BodyError("empty", "the body holds no event")
    if len(events) > max_events:
        raise BodyError("too_large", f"send at most {max_events:,} events a request", status=413)
    return events


def _split_lines(body: bytes, max_events: int) -> list[bytes]:
    """The lines that aren't blank; at most one more than there may be."""
    if body.count(b"\n") < _SURELY_FEW:
        return [stripped for line in body.split(b"\n") if (stripped := line.strip(_BLANKS))]
    return [line[0].rstrip(_BLANKS) for line in islice(_LINE.finditer(body), max_events + 1)]


def _split_json(body: bytes, max_events: int) -> list[bytes]:
    """The elements of an array, at most one more than there may be, or the one value that the body is."""
    text = body.strip(_BLANKS)
    if not text:
        return []
    try:
        if not text.isascii():
            text.decode()
        if text[:1] == b"[":
            if text.count(b",") >= _SURELY_FEW:
                return _split_exactly(text, max_events)
            return [bytes(raw) for raw in _split_array(text)]
        _check_syntax(text)
    except UnicodeDecodeError as fault:
        raise BodyError("invalid_json", f"the body is not UTF-8 at byte {fault.start}") from fault
    except (msgspec.DecodeError, RecursionError):
        return _split_exactly(text, max_events)
    return [text]


def _split_exactly(text: bytes, max_events: int) -> list[bytes]:
    try:
        found = elements(text, at_most=max_events + 1)
        return [text[element.start : element.end] for element in found]
    except SyntaxFault as fault:
        raise BodyError("invalid_json", f"the body is not JSON at byte {fault.position}") from fault


def judge(events: Iterable[bytes], limits: WireLimits, intake: Intake, derive: IdempotencyIds | None = None) -> Judged:
    """Parse and check each event; a bad one is refused alone."""
    judged = Judged()
    add = judged.rows.append
    for index, raw in enumerate(events):
        derived = derive.next_id(raw) if derive is not None else None
        try:
            add(normalise(parse_event(raw, limits), intake, derived))
        except Rejection as rejection:
            judged.rejected.append((index, rejection))
            judged.dead_letters.append(_dead_letter(raw, rejection, intake, derived or b""))
    return judged


def judge_array(body: bytes, limits: WireLimits, intake: Intake, max_events: int) -> Judged | None:
    """As ``split`` and ``judge`` for an array of plain events, at two thirds of the cost.

    ``None`` where the body is anything else: then those two say what it is.
    """
    text = body.strip(_BLANKS)
    if text[:1] != b"[" or text.count(b"{") > _OBJECTS_AN_EVENT * max_events:
        return None
    parsed = parse_array(text, limits)
    if not parsed or len(parsed) > max_events:
        return None
    judged = Judged()
    add = judged.rows.append
    raws: list[bytes] = []
    for index, event in enumerate(parsed):
        try:
            add(normalise(event, intake))
        except Rejection as rejection:
            raws = raws or split(text, "json", max_events)
            judged.rejected.append((index, rejection))
            judged.dead_letters.append(_dead_letter(raws[index], rejection, intake))
    return judged


def _dead_letter(raw: bytes, rejection: Rejection, intake: Intake, letter_id: bytes = b"") -> DeadLetter:
    return DeadLetter(
        intake.received_us,
        intake.source,
        rejection.code,
        rejection.field,
        rejection.message,
        payload=raw,
        id=letter_id,
    )


class IdempotencyIds:
    """Ids for events without one, made from the request's ``Idempotency-Key``.

    An id depends on who sends, the key, the event's own bytes and, among equal ones in the batch, its
    number: so the same batch sent again stores nothing new, also with a refused event taken out. A refused
    event's dead letter has this id, too: it is kept once, and its event, replayed, is the one that was sent.
    """

    def __init__(self, principal: str, key: str) -> None:
        self._prefix = f"idempotency:{principal}:{len(key)}:{key}:".encode()
        self._seen: Counter[bytes] = Counter()

    def next_id(self, raw: bytes) -> bytes:
        number = self._seen[raw]
        self._seen[raw] += 1
        return uuid5_bytes(b"%b%d:%b" % (self._prefix, number, raw))
