"""JSON's grammar (RFC 8259), checked without recursion and told how deep each value nests.

The fast parser gives up on what nests a thousand deep and on lone surrogates; this one, slower by
far, settles whether such a body is JSON at all and where each of its elements begins and ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""[ \t\n\r]*+(?:
        (?P<open>[\[{])
      | (?P<close>[\]}])
      | (?P<comma>,)
      | (?P<colon>:)
      | (?P<string>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")
      | (?P<scalar>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9.eE+-])|true|false|null)
    )""",
    re.VERBOSE,
)
_BLANK = re.compile(rb"[ \t\n\r]*+")


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


def elements(text: bytes) -> list[Element]:
    """Split a JSON text into the elements of its array, or its one value.

    Raises ``SyntaxFault`` where the text is not JSON. Needs memory only for the open brackets.
    """
    scanner = _Scanner(text)
    array = text[_blank_end(text, 0) : _blank_end(text, 0) + 1] == b"["
    return scanner.array() if array else [scanner.only_value()]


def _blank_end(text: bytes, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position


class _Scanner:
    def __init__(self, text: bytes) -> None:
        self._text = text
        self._position = 0

    def only_value(self) -> Element:
        element = self._value()
        self._end()
        return element

    def array(self) -> list[Element]:
        self._position = _blank_end(self._text, 0) + 1
        found: list[Element] = []
        if self._peek() == b"]":
            self._take("close")
        else:
            found.append(self._value())
            while self._take("comma", "close") == b",":
                found.append(self._value())
            if self._text[self._position - 1 : self._position] != b"]":
                raise SyntaxFault(self._position - 1)
        self._end()
        return found

    def _value(self) -> Element:
        """One value with everything in it, by a stack of open brackets instead of recursion."""
        start = _blank_end(self._text, self._position)
        open_brackets = bytearray()
        deepest = 0
        while True:
            token = self._take("open", "string", "scalar", "close")
            if token in b"[{":
                open_brackets += token
                deepest = max(deepest, len(open_brackets))
                if self._peek() not in (b"]", b"}"):
                    self._key(open_brackets)
                    continue
                token = self._take("close")
            elif token in b"]}":
                # a value was due here: an empty array and object are dealt with above
                raise SyntaxFault(self._position - 1)
            if token in b"]}":
                self._close(open_brackets, token)
            if not self._next_sibling(open_brackets):
                return Element(start, self._position, deepest)

    def _next_sibling(self, open_brackets: bytearray) -> bool:
        """After a value: close what ends here; whether another value follows inside."""
        while open_brackets:
            token = self._take("comma", "close")
            if token == b",":
                self._key(open_brackets)
                return True
            self._close(open_brackets, token)
        return False

    def _close(self, open_brackets: bytearray, token: bytes) -> None:
        if open_brackets.pop() != (ord("[") if token == b"]" else ord("{")):
            raise SyntaxFault(self._position - 1)

    def _key(self, open_brackets: bytearray) -> None:
        if open_brackets[-1] == ord("{"):
            self._take("string")
            self._take("colon")

    def _take(self, *kinds: str) -> bytes:
        found = _TOKEN.match(self._text, self._position)
        if found is None or found.lastgroup not in kinds:
            raise SyntaxFault(_blank_end(self._text, self._position))
        self._position = found.end()
        return found[found.lastgroup]

    def _peek(self) -> bytes:
        position = _blank_end(self._text, self._position)
        return self._text[position : position + 1]

    def _end(self) -> None:
        if _blank_end(self._text, self._position) != len(self._text):
            raise SyntaxFault(self._position)
