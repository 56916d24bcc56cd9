"""JSON's grammar (RFC 8259), checked without recursion and told how deep each value nests.

The fast parser gives up on what nests a thousand deep and on lone surrogates; this one, slower by
far, settles whether such a body is JSON at all and where each of its elements begins and ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Kinds of tokens, by the number of their group below. A key takes its colon with it.
_OPEN_ARRAY, _OPEN_OBJECT, _CLOSE_ARRAY, _CLOSE_OBJECT, _COMMA, _TEXT, _KEY, _SCALAR = range(1, 9)
_TOKEN: Final = re.compile(
    rb"""[ \t\n\r]*+(?:
        (\[) | (\{) | (\]) | (\}) | (,)
      | ("(?:[^"\\\x00-\x1f]++|\\[\x20-\xff])*+") ([ \t\n\r]*+:)?
      | (-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9.eE+-])|true|false|null)
    )""",
    re.VERBOSE,
)
# Escapes are looked at apart: CPython before 3.11.4 errs in a possessive repetition that gives up halfway.
_ESCAPE: Final = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}|())')
_BLANK: Final = re.compile(rb"[ \t\n\r]*+")

# What may come next, by where the parser stands.
_VALUE: Final = frozenset({_OPEN_ARRAY, _OPEN_OBJECT, _TEXT, _SCALAR})
_ITEM_OR_END: Final = _VALUE | {_CLOSE_ARRAY}
_KEY_OR_END: Final = frozenset({_KEY, _CLOSE_OBJECT})
_NEXT_KEY: Final = frozenset({_KEY})
_AFTER: Final = {
    _OPEN_ARRAY: frozenset({_COMMA, _CLOSE_ARRAY}),
    _OPEN_OBJECT: frozenset({_COMMA, _CLOSE_OBJECT}),
}
_END: Final[frozenset[int]] = frozenset()


class SyntaxFault(ValueError):
    """The text is not JSON; ``position`` is the byte at which that shows."""

    def __init__(self, position: int) -> None:
        super().__init__(f"not JSON at byte {position}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Element:
    """A value of the outermost array, or the whole text where that is no array."""

    start: int
    end: int
    depth: int
    """Levels of arrays and objects; 0 for a scalar, 1 for ``{}``."""


def elements(text: bytes, at_most: int | None = None) -> list[Element]:
    """Split a JSON text into the elements of its array, or its one value.

    Raises ``SyntaxFault`` where the text is not JSON. Needs memory only for the open brackets and the
    elements; with ``at_most`` that many are enough, and what follows them is not looked at.
    """
    found: list[Element] = []
    brackets = bytearray()  # the kinds of those that are open
    begin = _blank_end(text, 0)
    level = 1 if text[begin : begin + 1] == b"[" else 0  # how many are open around an element
    start = end = deepest = 0
    allowed = _VALUE
    # anchored each time: a search would look for the end of a broken text from every quotation mark anew
    while (token := _TOKEN.match(text, end)) is not None:
        kind = token.lastindex or 0
        if kind not in allowed:
            break
        end = token.end()
        if kind == _KEY:
            allowed = _VALUE
        elif kind == _COMMA:
            allowed = _VALUE if brackets[-1] == _OPEN_ARRAY else _NEXT_KEY
        elif kind <= _OPEN_OBJECT:
            if len(brackets) == level:
                start, deepest = end - 1, level
            brackets.append(kind)
            deepest = max(deepest, len(brackets))
            allowed = _ITEM_OR_END if kind == _OPEN_ARRAY else _KEY_OR_END
        else:
            if kind <= _CLOSE_OBJECT:
                brackets.pop()
            elif len(brackets) == level:
                start, deepest = token.start(kind), level
            if len(brackets) == level:
                found.append(Element(start, end, deepest - level))
                if len(found) == at_most:
                    return found
            allowed = _AFTER[brackets[-1]] if brackets else _END
    position = _blank_end(text, end)
    if allowed is not _END or position != len(text):
        raise SyntaxFault(position)
    _check_escapes(text)
    return found


def _check_escapes(text: bytes) -> None:
    """Backslashes stand only in texts, so that they can be judged without knowing in which."""
    wrong = next((escape for escape in _ESCAPE.finditer(text) if escape.lastindex), None)
    if wrong is not None:
        raise SyntaxFault(wrong.start())


def _blank_end(text: bytes, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position
