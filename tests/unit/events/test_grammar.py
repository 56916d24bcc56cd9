from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.events.grammar import Element, SyntaxFault, elements
from tests.unit.events import plain_json

_TOKENS = (
    "[", "]", "{", "}", ",", ":", '"a"', '"', "\\", '\\"', "\\u", "\\u00e9", "\\u12", "\\\\", "\\x", "1", "-1", "01",
    "1.5", "1.", ".5", "1e5", "1e", "true", "false", "null", "nul", " ", "\n", "\r", "\t", "\x0b", "\u00a0", "é",
    "\x00",
    '""', '"k":', "[]", "{}", "NaN", "-", "+", "e", "0", "9" * 20, '"\\ud800"', "\ufeff", "/", "'",
)  # fmt: skip


def _is_json(text: str) -> bool:
    try:
        plain_json.parse(text)
    except plain_json.NotJson:
        return False
    return True


def _is_taken(text: str) -> bool:
    try:
        elements(text.encode())
    except SyntaxFault:
        return False
    return True


def test_token_soup_is_judged_as_by_the_standard_library() -> None:
    """Two hundred thousand texts of random tokens: JSON to one is JSON to the other."""
    rng = random.Random(7)
    for _ in range(200_000):
        text = "".join(rng.choices(_TOKENS, k=rng.randint(1, 8)))
        assert _is_json(text) == _is_taken(text), text


def test_text_with_escapes_is_judged_as_by_the_standard_library() -> None:
    """Strings of escapes, whole, broken and cut off, are told apart wherever they stand."""
    rng = random.Random(8)
    for _ in range(50_000):
        inner = "".join(rng.choices(("\\u", "\\u0041", "\\n", "\\\\", '\\"', "\\x", "a", "0", '"', "\\u00", "é"), k=6))
        text = rng.choice(('"{}"', '["{}"]', '{{"{}":1}}', '{{"a":"{}","b":2}}')).format(inner)
        assert _is_json(text) == _is_taken(text), text


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.lists(_values, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_elements_are_cut_where_they_begin_and_end(values: list[object], indent: int | None, escaped: bool) -> None:
    """Each slice is one element's own text, without the blanks around it, and its depth is right."""
    text = json.dumps(values, indent=indent, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    found = elements(text)
    assert values == [json.loads(text[element.start : element.end]) for element in found]
    assert [_depth(value) for value in values] == [element.depth for element in found]
    assert all(text[element.start : element.end].strip() == text[element.start : element.end] for element in found)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@pytest.mark.parametrize(
    ("text", "due"),
    [
        (b"5", [Element(0, 1, 0)]),
        (b' {"a" : [1]} ', [Element(1, 12, 2)]),
        (b"[]", []),
        (b"[[]]", [Element(1, 3, 1)]),
        (b'[ "a" , 2 ]', [Element(2, 5, 0), Element(8, 9, 0)]),
    ],
)
def test_places_and_depths(text: bytes, due: list[Element]) -> None:
    """Start, end and depth of each element, counted by hand."""
    assert due == elements(text)


@pytest.mark.parametrize(("text", "position"), [(b"[1,]", 3), (b"[1 2]", 3), (b"[1]x", 3), (b"", 0), (b"[1", 2)])
def test_a_fault_names_its_place(text: bytes, position: int) -> None:
    """The byte at which the text stops being JSON."""
    with pytest.raises(SyntaxFault) as raised:
        elements(text)
    assert position == raised.value.position


def test_depth_needs_no_recursion() -> None:
    """A million levels are counted, not met with a crash."""
    assert 999_999 == elements(b"[" * 1_000_000 + b"]" * 1_000_000)[0].depth


def test_counting_stops_at_the_bound() -> None:
    """What comes after as many elements as were asked for is not looked at."""
    assert 3 == len(elements(b"[1,2,3,4,5,broken", at_most=3))
