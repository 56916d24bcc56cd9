"""JSON with nothing lost: duplicate keys, numbers as written, and any depth, on the standard library's parser."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from json import scanner
from typing import Any, Final

_BLANKS: Final = re.compile(r"[ \t\n\r]*")


class NotJson(ValueError):
    """The text is not JSON (RFC 8259)."""


@dataclass(frozen=True)
class Number:
    """A number as it was written."""

    text: str

    def is_integer(self) -> bool:
        return re.fullmatch("-?[0-9]+", self.text) is not None

    def fits_a_double(self) -> bool:
        return math.isfinite(float(self.text))


class Members(list[tuple[str, Any]]):
    """An object's members in order, duplicates included."""

    def as_dict(self) -> dict[str, Any]:
        return dict(self)

    def repeated(self) -> set[str]:
        names = [name for name, _ in self]
        return {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()


def _no_constant(name: str) -> Any:
    raise NotJson(name)


class _Decoder(json.JSONDecoder):
    def __init__(self) -> None:
        super().__init__(object_pairs_hook=Members, parse_float=Number, parse_int=Number, parse_constant=_no_constant)


_decoder = _Decoder()
_deep_decoder = _Decoder()
# the parser in C gives up at some hundred levels; the one in Python goes as deep as it is allowed to
_deep_decoder.scan_once = scanner.py_make_scanner(_deep_decoder)  # type: ignore[attr-defined]


def parse(text: str) -> Any:
    """The value that ``text`` is; raises ``NotJson``."""
    value, end = value_at(text, _skip(text, 0))
    if _skip(text, end) != len(text):
        raise NotJson("more after the value")
    return value


def value_at(text: str, position: int) -> tuple[Any, int]:
    """The value that begins at ``position``, and where it ends."""
    try:
        return _value_at(_decoder, text, position)
    except RecursionError:
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(10_000_000)
        try:
            return _value_at(_deep_decoder, text, position)
        finally:
            sys.setrecursionlimit(usual)


def _value_at(decoder: json.JSONDecoder, text: str, position: int) -> tuple[Any, int]:
    try:
        return decoder.scan_once(text, position)  # type: ignore[attr-defined, no-any-return]
    except (ValueError, StopIteration) as fault:
        raise NotJson(str(fault)) from fault


def _skip(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    assert found is not None
    return found.end()


def array_texts(text: str) -> list[str]:
    """The text of each element of the array that ``text`` is; raises ``NotJson``."""
    parse(text)
    return [text[start:end] for start, end in _spans(text, keys=False)]


def value_texts(text: str) -> list[str]:
    """The text of each member's value of the object that ``text`` is."""
    return [text[start:end] for start, end in _spans(text, keys=True)]


def _spans(text: str, *, keys: bool) -> Iterator[tuple[int, int]]:
    position = _skip(text, _skip(text, 0) + 1)
    while text[position] not in "]}":
        if keys:
            position = _skip(text, _skip(text, value_at(text, position)[1]) + 1)
        _, end = value_at(text, position)
        yield position, end
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)


def depth(value: Any) -> int:
    """Levels of arrays and objects; 0 for a scalar."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        if isinstance(item, list):
            deepest = max(deepest, level)
            waiting += [(child, level + 1) for child in _children(item)]
    return deepest


def leaves(value: Any) -> Iterator[str | Number]:
    """Every key, text and number in ``value``."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Members):
            yield from (name for name, _ in item)
        if isinstance(item, list):
            waiting += _children(item)
        elif isinstance(item, (str, Number)):
            yield item


def _children(item: list[Any]) -> list[Any]:
    return [child for _, child in item] if isinstance(item, Members) else item


def plain(value: Any) -> Any:
    """``value`` for comparing: of duplicate keys the last, numbers by their exact value."""
    if isinstance(value, Members):
        return {name: plain(child) for name, child in value}
    if isinstance(value, list):
        return [plain(child) for child in value]
    return Decimal(value.text) if isinstance(value, Number) else value


def compact(value: Any) -> str:
    """The shortest JSON that says the same, numbers as they were written."""
    if isinstance(value, (Members, dict)):
        members = dict(value)
        return "{" + ",".join(f"{compact(name)}:{compact(child)}" for name, child in members.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(compact(child) for child in value) + "]"
    return value.text if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
