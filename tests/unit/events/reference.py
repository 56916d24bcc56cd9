"""The contract's "Events in" as a slow, plain decoder that shares no rule with the appliance's own.

It parses with the standard library and then reads every sentence in turn. Where an event breaks
several rules the contract doesn't say which one is named, so a verdict holds all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from tests.unit.events.plain_json import (
    Members,
    NotJson,
    Number,
    array_texts,
    compact,
    depth,
    leaves,
    parse,
    plain,
    value_texts,
)
from tests.unit.events.rules import Fault, Terms, Verdict, is_missing, read_fields

BLANKS: Final = " \t\r\n"
FIELDS: Final = ("event_type", "user_id", "timestamp", "session_id", "campaign_id", "event_id", "properties")
IGNORED: Final = ("received_at",)
PROPERTIES_BYTES: Final = 32 * 1024
PROPERTIES_LEVELS: Final = 32
EVENT_BYTES: Final = 320 * 1024


class Refused(NamedTuple):
    """The body as a whole is not taken."""

    code: str


def decode(body: bytes, framing: str, terms: Terms) -> Refused | list[Verdict]:
    """Each event's verdict in order, or why the body as a whole is refused."""
    if framing == "ndjson":
        texts: list[str | None] = [_utf8(line) for line in body.split(b"\n") if line.strip(b" \t\r")]
    else:
        try:
            text = body.decode("utf-8").strip(BLANKS)
            texts = [] if not text else list(array_texts(text)) if text.startswith("[") else [_one(text)]
        except (UnicodeDecodeError, NotJson):
            return Refused("invalid_json")
    if not texts:
        return Refused("empty")
    if len(texts) > terms.max_events:
        return Refused("too_large")
    return [judge(text, terms) for text in texts]


def _utf8(line: bytes) -> str | None:
    try:
        return line.decode("utf-8").strip(BLANKS)
    except UnicodeDecodeError:
        return None


def _one(text: str) -> str:
    parse(text)
    return text


def judge(text: str | None, terms: Terms) -> Verdict:
    """The verdict on one event; ``None`` stands for bytes that are no UTF-8."""
    verdict = Verdict()
    if text is not None and len(text.encode()) - sum(map(text.count, BLANKS)) > EVENT_BYTES:
        # it breaks another rule too, and need not be looked at to know that
        verdict.free.add(Fault("too_large", None))
    try:
        event = parse(text) if text is not None else None
    except NotJson:
        text = None
    if text is None:
        verdict.fault("invalid_json", None)
    elif not isinstance(event, Members):
        verdict.fault("not_an_object", None)
    else:
        _check_keys(event, verdict)
        _check_leaves(event, verdict)
        properties = _properties(event, text, verdict)
        read_fields(event.as_dict(), properties, terms, verdict)
        if not verdict.faults:
            verdict.accepted["properties"] = {name: plain(value) for name, value in properties.items()}
    return verdict


def _check_keys(event: Members, verdict: Verdict) -> None:
    """Duplicate keys of an event or of its ``properties`` (first level); deeper ones: the last wins."""
    for name in event.repeated():
        verdict.fault("duplicate_key", name)
    for key, value in event:
        if key == "properties" and isinstance(value, Members):
            for name in value.repeated():
                verdict.fault("duplicate_key", f"properties.{name}")


def _check_leaves(event: Members, verdict: Verdict) -> None:
    """NUL, lone surrogates and 1e999 reject their event."""
    for key, value in event:
        inner = value if key == "properties" and isinstance(value, Members) else []
        spots: list[tuple[str, Iterable[str | Number]]] = [(key, [key])] + ([] if inner else [(key, leaves(value))])
        spots += [(f"properties.{name}", [name, *leaves(item)]) for name, item in inner]
        for name, found in spots:
            for leaf in found:
                if isinstance(leaf, Number):
                    if not leaf.fits_a_double():
                        # of a field that is ignored 1e999 alone is said to reject the event
                        free = key in IGNORED and leaf.is_integer()
                        (verdict.free if free else verdict.faults).add(Fault("too_large", name))
                elif "\0" in leaf or re.search("[\ud800-\udfff]", leaf):
                    verdict.fault("bad_encoding", name)


def _properties(event: Members, text: str, verdict: Verdict) -> dict[str, Any]:
    """``properties`` with the unknown top-level fields; a name already there wins."""
    given = event.as_dict().get("properties")
    if is_missing(given):
        given = Members()
    if not isinstance(given, Members):
        verdict.fault("wrong_type", "properties")
        given = Members()
    for (key, value), raw in zip(event, value_texts(text), strict=True):
        if key == "properties" and isinstance(value, Members):
            if len(raw.encode()) > PROPERTIES_BYTES:
                verdict.fault("too_large", "properties")
            if depth(value) > PROPERTIES_LEVELS:
                verdict.fault("too_deep", "properties")
        elif depth(value) >= PROPERTIES_LEVELS:
            _add_depth(key, depth(value), verdict)
    unknown = {key: value for key, value in event if key not in (*FIELDS, *IGNORED)}
    merged = unknown | given.as_dict()
    if unknown and not verdict.faults and len(compact(merged).encode()) > PROPERTIES_BYTES:
        # the limit is of properties as sent: whether what joins them counts is not said
        verdict.free |= {Fault("too_large", name) for name in ("properties", *unknown)}
    return merged


def _add_depth(key: str, levels: int, verdict: Verdict) -> None:
    """An unknown field joins ``properties``; of a known one the depth is but one of its faults."""
    must = key not in (*FIELDS, *IGNORED) and levels > PROPERTIES_LEVELS
    (verdict.faults if must else verdict.free).add(Fault("too_deep", "properties"))
