"""One event's bytes, parsed with nothing taken for granted: slow, exact, and able to say what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from appliance.events.grammar import SyntaxFault, elements
from appliance.events.parsed import KNOWN_FIELDS, ParsedEvent, WireLimits, one_line
from appliance.events.rejection import Rejection


class _Object(dict[str, Any]):
    """An object that remembers the first key that came twice, and then the values that gave way, too."""

    repeated: str | None = None
    overridden: Sequence[Any] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        found.repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        found.overridden = [value for key, value in pairs if found[key] is not value]
    return found


_INFINITY: Final = float("inf")


def _int(text: str) -> float:
    """The integer, or an infinite float beyond what a double can hold."""
    return int(text) if len(text) < 309 or abs(float(text)) < _INFINITY else float(text)


def _as_sent(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


_exact = json.JSONDecoder(object_pairs_hook=_object, parse_int=_int)
# for writing anew: of keys that came twice the last, numbers with all the digits that were sent
_verbatim = json.JSONDecoder(parse_int=_as_sent, parse_float=_as_sent)


def parse_exactly(raw: bytes, limits: WireLimits) -> ParsedEvent:
    event = _decode_exactly(raw, limits)
    if event.repeated is not None:
        raise Rejection("duplicate_key", _shown(event.repeated), "send each field once")
    _check_leaves(event)
    properties = event.get("properties")
    if properties is None or (isinstance(properties, str) and not properties.strip()):
        properties = _Object()
    elif not isinstance(properties, _Object):
        raise Rejection("wrong_type", "properties", "send an object, or leave it out")
    if properties.repeated is not None:
        raise Rejection("duplicate_key", f"properties.{_shown(properties.repeated)}", "send each property once")
    text = _properties_text(raw, event, properties, limits)
    known = [event.get(name) for name in KNOWN_FIELDS[:-1]]
    unknown = {name: value for name, value in event.items() if name not in KNOWN_FIELDS}
    return ParsedEvent._make((*known, unknown | properties, text))


def _decode_exactly(raw: bytes, limits: WireLimits) -> _Object:
    try:
        text = raw.decode()
        found = elements(raw)
    except UnicodeDecodeError as fault:
        raise Rejection("invalid_json", None, "the text is not UTF-8") from fault
    except SyntaxFault as fault:
        raise Rejection("invalid_json", None, f"not JSON at byte {fault.position} of the event") from fault
    if raw[:1] != b"{":
        raise Rejection("not_an_object", None, "send each event as a JSON object")
    if found[0].depth > limits.max_depth + 1:
        raise Rejection("too_deep", "properties", f"nest at most {limits.max_depth} levels, properties itself counted")
    decoded: _Object = _exact.decode(text)
    return decoded


def _check_leaves(event: _Object) -> None:
    """Refuse NUL, lone surrogates and infinite numbers, in keys and values at any depth, naming the field."""
    for field, leaf in _leaves(event):
        if isinstance(leaf, float):
            if leaf in (_INFINITY, -_INFINITY):
                raise Rejection("too_large", field, "the number is beyond the range of a double: send it as text")
        elif "\x00" in leaf:
            raise Rejection("bad_encoding", field, "remove the NUL character")
        elif not leaf.isascii() and any("\ud800" <= character <= "\udfff" for character in leaf):
            raise Rejection("bad_encoding", field, "remove the lone surrogate: it is half of a character")


def _leaves(event: _Object) -> Iterator[tuple[str, str | float]]:
    for name, value in event.items():
        yield _shown(name), name
        if name == "properties" and isinstance(value, dict):
            for key, item in value.items():
                field = f"properties.{_shown(key)}"
                yield field, key
                yield from ((field, leaf) for leaf in _leaves_in(item))
        else:
            yield from ((_shown(name), leaf) for leaf in _leaves_in(value))


def _leaves_in(value: Any) -> Iterator[str | float]:
    if isinstance(value, (str, float)):
        yield value
    elif isinstance(value, _Object):
        yield from value
        for item in (*value.values(), *value.overridden):
            yield from _leaves_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves_in(item)


def _shown(name: str) -> str:
    """A field's name as it may stand in an answer: short, and free of what can't be encoded."""
    return name[:100].encode("utf-8", "replace").decode().replace("\x00", "?")


def _properties_text(raw: bytes, event: _Object, properties: _Object, limits: WireLimits) -> str:
    """The properties as sent, or written anew where fields are merged in or a deeper key came twice."""
    as_sent = b"{}"
    if isinstance(event.get("properties"), _Object):
        as_sent = bytes(_decode_raw_properties(raw))
        if len(as_sent) > limits.max_properties_bytes:
            raise Rejection(
                "too_large", "properties", f"send at most {limits.max_properties_bytes:,} bytes of properties"
            )
    unknown = {name: value for name, value in event.items() if name not in KNOWN_FIELDS and name not in properties}
    if not unknown and not _repeats_within(properties):
        return one_line(as_sent.decode())
    verbatim = _verbatim.decode(raw.decode())
    extra = {name: verbatim[name] for name in unknown}
    if len(msgspec.json.encode(extra)) > limits.max_properties_bytes:
        raise Rejection(
            "too_large", _shown(next(iter(unknown))), "the event's unknown fields are larger than properties may be"
        )
    return msgspec.json.encode(extra | (verbatim["properties"] if properties else {})).decode()


class _PropertiesOnly(msgspec.Struct):
    properties: msgspec.Raw


_decode_properties_only = msgspec.json.Decoder(_PropertiesOnly).decode


def _decode_raw_properties(raw: bytes) -> msgspec.Raw:
    return _decode_properties_only(raw).properties


def _repeats_within(value: Any) -> bool:
    if isinstance(value, _Object):
        return value.repeated is not None or any(_repeats_within(item) for item in value.values())
    return isinstance(value, list) and any(_repeats_within(item) for item in value)
