"""One event's bytes, parsed: a fast path for what nearly every sender sends, an exact one for the rest.

The fast parser can't tell duplicate keys or unknown fields. A count of quotation marks can: each key
and each text brings two, so a text that holds exactly as many as what came out of it lost nothing
on the way. Any other count (escapes, duplicates, unknown fields) sends the event down the exact path.
No event can hold fewer than what came out of it, so one count over a whole array vouches for each of its events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from appliance.events.exact import parse_exactly
from appliance.events.parsed import ParsedEvent, WireLimits, one_line
from appliance.events.rejection import Rejection

_MISSING: Final = msgspec.UNSET
# What the fast path leaves to the exact one: NUL and surrogates, written as escapes.
_SUSPECT: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_DOUBLE_BITS: Final = 1_023
_BLANKS: Final = b" \t\r\n"


class _BeyondLimits(Exception):
    """Nested too deep, or a number that no double holds."""


_NOT_PLAIN: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, _BeyondLimits)


class _Envelope(msgspec.Struct, gc=False):
    event_type: Any = _MISSING
    user_id: Any = _MISSING
    timestamp: Any = _MISSING
    session_id: Any = _MISSING
    campaign_id: Any = _MISSING
    event_id: Any = _MISSING
    received_at: Any = _MISSING
    properties: msgspec.Raw | msgspec.UnsetType = _MISSING


class _PlainEnvelope(msgspec.Struct, gc=False):
    """What nearly every event of an array looks like; any other array is read event by event."""

    event_type: str | None = None
    user_id: str | None = None
    timestamp: str | int | float | None = None
    session_id: str | None = None
    campaign_id: str | None = None
    event_id: str | None = None
    received_at: str | None = None
    properties: msgspec.Raw | msgspec.UnsetType = _MISSING


_ENVELOPE_TEXTS: Final = len(_PlainEnvelope.__struct_fields__) - 1


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_envelopes = msgspec.json.Decoder(list[_PlainEnvelope]).decode
_decode_each = msgspec.json.Decoder(_PlainEnvelope).decode_lines
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def parse_event(raw: bytes, limits: WireLimits) -> ParsedEvent:
    """Parse one event's UTF-8 bytes.

    Raises ``Rejection`` with ``invalid_json``, ``not_an_object``, ``duplicate_key``, ``bad_encoding``,
    ``too_deep``, ``too_large`` or ``wrong_type`` (of ``properties``).
    """
    most = limits.most_event_bytes
    if len(raw) > most and len(raw.translate(None, _BLANKS)) > most:
        # in memory its values could take fifty times its bytes
        raise Rejection("too_large", None, f"send events of at most {most:,} bytes")
    return _parse_fast(raw, limits) or parse_exactly(raw, limits)


def parse_array(text: bytes, limits: WireLimits) -> list[ParsedEvent] | None:
    """The events of a JSON array of plain events, in one go; ``None`` where each must be looked at by itself."""
    opened = _open_all(text, _decode_envelopes, limits)
    if opened is None or not (b"\n" in text or b"\r" in text):
        return opened
    return _in_one_line(opened)


def parse_each(values: Sequence[bytes], limits: WireLimits) -> list[ParsedEvent] | None:
    """The plain events of which each stands in a text of its own; ``None`` where one must be looked at by itself.

    Between texts that begin with a brace and end with one stands a line end, which no string may hold. So what parses
    as a whole has its borders between two events, and each text is as many as it has to be: one.
    """
    if not all(value[:1] == b"{" and value[-1:] == b"}" for value in values):
        return None
    if max(map(len, values), default=0) > limits.most_event_bytes:
        return None
    text = b"\n".join(values)
    opened = _open_all(text, _decode_each, limits)
    if opened is None or len(opened) != len(values):
        return None
    return _in_one_line(opened) if text.count(b"\n") >= len(values) or b"\r" in text else opened


def _open_all(
    text: bytes, decode: Callable[[bytes], list[_PlainEnvelope]], limits: WireLimits
) -> list[ParsedEvent] | None:
    if b"\\" in text and _SUSPECT.search(text):
        return None
    try:
        opened = [_open_plain(envelope, limits) for envelope in decode(text)]
    except _NOT_PLAIN:
        return None
    if sum(quotes for _, quotes in opened) != text.count(b'"'):
        return None
    return [event for event, _ in opened]


def _in_one_line(events: list[ParsedEvent]) -> list[ParsedEvent]:
    return [event._replace(properties_text=one_line(event.properties_text)) for event in events]


def _open_plain(envelope: _PlainEnvelope, limits: WireLimits) -> tuple[ParsedEvent, int]:
    """An event, and how many quotation marks its JSON holds when that is all of it; its text may have line ends."""
    *fields, raw = msgspec.structs.astuple(envelope)
    quotes = 4 * (_ENVELOPE_TEXTS - fields.count(None))
    if type(envelope.timestamp) is not str and envelope.timestamp is not None:
        quotes -= 2
    if raw is _MISSING:
        return ParsedEvent._make((*fields, {}, "{}")), quotes
    text = bytes(raw)
    if len(text) > limits.max_properties_bytes:
        raise _BeyondLimits
    properties = _decode_object(text)
    quotes += 2 + _quotes(properties, limits.max_depth)
    # the class's own constructor would cost more than all of this
    return tuple.__new__(ParsedEvent, (*fields, properties, text.decode())), quotes


def _parse_fast(raw: bytes, limits: WireLimits) -> ParsedEvent | None:
    """The event, or ``None`` where the exact path must look."""
    if b"\\" in raw and _SUSPECT.search(raw):
        return None
    try:
        *fields, raw_properties = msgspec.structs.astuple(_decode_envelope(raw))
        properties, text, quotes = _open_properties(raw_properties, limits)
    except _NOT_PLAIN:
        return None
    for value in fields:
        if type(value) is str:
            quotes += 4
        elif value is not _MISSING:
            quotes += 2
    if quotes != raw.count(b'"'):
        return None
    present = [None if value is _MISSING else value for value in fields]
    return ParsedEvent._make((*present, properties, text))


def _open_properties(raw: Any, limits: WireLimits) -> tuple[dict[str, Any], str, int]:
    """The properties, their text, and how many quotation marks they hold when that is all of them, key included."""
    if raw is _MISSING:
        return {}, "{}", 0
    text = bytes(raw)
    if len(text) > limits.max_properties_bytes:
        raise _BeyondLimits
    properties = _decode_object(text)
    return properties, one_line(text.decode()), 2 + _quotes(properties, limits.max_depth)


def _quotes(value: dict[str, Any], levels: int) -> int:
    """How many quotation marks the JSON of ``value`` holds when nothing in it is escaped."""
    return 2 * len(value) + _quotes_of_items(value.values(), levels)


def _quotes_of_items(items: Iterable[Any], levels: int) -> int:
    if levels == 0:
        raise _BeyondLimits
    count = 0
    for item in items:
        kind = type(item)
        if kind is str:
            count += 2
        elif kind is dict:
            count += _quotes(item, levels - 1)
        elif kind is list:
            count += _quotes_of_items(item, levels - 1)
        elif kind is int and item.bit_length() > _DOUBLE_BITS:
            raise _BeyondLimits
    return count
