"""How wide the result of a call may become beside its arguments, and the bounded forms of those that take a size.

A width counts values: 1 is a value of a column, and text of the statement counts by its bytes. Within a lambda 1 is
one element of the list that it goes through, for which text weighs more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from appliance.errors import QueryNotAllowed
from appliance.query.functions import (
    ADDING,
    BOUNDED,
    COLLECTING,
    LENGTHENING,
    LIKES,
    NEEDLES,
    PATTERNS,
    REPLACING,
    SEPARATING,
)
from appliance.query.grammar import folded

MOST_REPEATED: Final = 1_000
MOST_LISTED: Final = 1_000
MOST_REPLACEMENT: Final = 64
MOST_NEEDLE: Final = 200
MOST_PATTERN: Final = 1_000

_VALUE_BYTES: Final = 500
_ELEMENT_BYTES: Final = 8
_EXTREMES: Final = {
    "min": 1,
    "max": 1,
    **dict.fromkeys(("arg_min", "arg_max", "argmin", "argmax", "min_by", "max_by"), 2),
}
_RISKY_FORMAT: Final = re.compile(r"\d{3}|\*|\{[^}]*\{")

Tree: TypeAlias = Any
"""A piece of the syntax tree: objects, lists and plain values."""


def grows(name: str, children: Sequence[Tree]) -> bool:
    """Whether a call makes something that may be larger than each of its arguments."""
    return name in ADDING | REPLACING | SEPARATING | BOUNDED or name in LENGTHENING or any(map(_is_lambda, children))


def collects(tree: Tree) -> bool:
    """Whether a call puts what many rows hold into one value.

    Raises ``QueryNotAllowed`` where it would do so for each row.
    """
    if tree.get("class") not in ("FUNCTION", "WINDOW"):
        return False
    name, count = folded(tree["function_name"]), len(tree["children"])
    # the largest of N: a list of N
    is_collecting = name in COLLECTING or (name in _EXTREMES and count > _EXTREMES[name])
    if is_collecting and tree["class"] == "WINDOW":
        raise QueryNotAllowed(f"{name} may not stand before OVER")
    return is_collecting


def check_texts(name: str, children: Sequence[Tree]) -> None:
    """Raise ``QueryNotAllowed`` where a text that has to be written out is not, or is too long or too costly."""
    if name in PATTERNS and not _is_short(children[1:2], MOST_PATTERN):
        raise QueryNotAllowed(f"{name} takes a pattern that is written out, {MOST_PATTERN:,} characters at most")
    at = NEEDLES.get(name, len(children))
    if not all(_is_short([child], MOST_NEEDLE) or _is_cut(child) for child in children[at : at + 1]):
        raise QueryNotAllowed(
            f"{name} takes a text that is written out or cut by left(…, {MOST_NEEDLE}), "
            f"{MOST_NEEDLE} characters at most"
        )
    if name in LIKES:
        _check_wildcards(name, children)


def _check_wildcards(name: str, children: Sequence[Tree]) -> None:
    if not _is_short(children[1:2], MOST_NEEDLE):
        raise QueryNotAllowed(f"LIKE takes a pattern that is written out, {MOST_NEEDLE} characters at most")
    pattern = children[1]["value"]["value"]
    # these two the engine takes apart at the wildcards, and looks for the pieces one after the other
    if name in ("~~", "!~~") and "_" not in pattern:
        return
    inner = pattern.rstrip("%*")
    if inner.count("*" if name == "~~~" else "%") > 1:
        raise QueryNotAllowed(
            "ILIKE, GLOB and a LIKE with _ or ESCAPE take one wildcard for any text beside a last one: "
            "use regexp_matches(…, '(?i)…')"
        )


def call_width(name: str, children: Sequence[Tree], widths: Sequence[float], *, in_lambda: bool) -> float:
    """The width of a call's result; raises ``QueryNotAllowed`` for a size that is not written out or too large."""
    check_texts(name, children)
    unit = _unit(in_lambda)
    if any(map(_is_lambda, children)):
        lists = [width for child, width in zip(children, widths, strict=True) if not _is_lambda(child)]
        bodies = [width for child, width in zip(children, widths, strict=True) if _is_lambda(child)]
        return sum(lists) * max(1.0, *bodies)
    if name in BOUNDED:
        return _bounded_width(name, children, widths, unit)
    widest = max(widths, default=1.0)
    if name in REPLACING:
        return widest * _replacement(name, children)
    if name in SEPARATING:
        return widest * (1 + max(map(_length, children[1:]), default=0) / _ELEMENT_BYTES)
    return sum(widths) if name in ADDING else widest * LENGTHENING.get(name, 1)


def constant_width(tree: Tree, *, in_lambda: bool) -> float:
    """The width of something written out in the statement."""
    return len(str(tree["value"].get("value", ""))) / _unit(in_lambda)


def _bounded_width(name: str, children: Sequence[Tree], widths: Sequence[float], unit: int) -> float:
    if name in ("format", "printf"):
        if not _is_text(children[:1]) or _RISKY_FORMAT.search(children[0]["value"]["value"]):
            raise QueryNotAllowed(f"{name} takes a format that is written out, with widths below 100")
        return sum(widths) + 100 * len(children) / unit
    if name in ("range", "generate_series"):
        return _listed(name, children) * _ELEMENT_BYTES / unit
    times = _number(children[1]) if len(children) > 1 else None
    if times is None or times > MOST_REPEATED:
        raise QueryNotAllowed(f"{name} takes a number that is written out, {MOST_REPEATED:,} at most")
    return widths[0] * max(times, 1) if name == "repeat" else max(widths[0], times * 4 / unit)


def _listed(name: str, children: Sequence[Tree]) -> int:
    numbers = [_number(child) for child in children]
    bounds = [abs(number) for number in numbers if number is not None]
    if len(bounds) != len(children) or not bounds or max(bounds) > MOST_LISTED:
        raise QueryNotAllowed(
            f"{name} as a list takes whole numbers that are written out, {MOST_LISTED:,} at most; "
            f"FROM {name}(…) takes anything"
        )
    return 2 * max(bounds) + 1


def _length(tree: Tree) -> int:
    """Of a text that is written out, or of what another one was cut to."""
    return len(tree["value"]["value"]) if _is_text([tree]) else MOST_NEEDLE if _is_cut(tree) else 0


def _replacement(name: str, children: Sequence[Tree]) -> int:
    if len(children) < 3 or not _is_text(children[1:3]) or len(children[2]["value"]["value"]) > MOST_REPLACEMENT:
        raise QueryNotAllowed(
            f"{name} takes a pattern and a replacement that are written out, {MOST_REPLACEMENT} characters at most"
        )
    return max(1, len(children[2]["value"]["value"]))


def _unit(in_lambda: bool) -> int:  # noqa: FBT001 - it is passed on
    return _ELEMENT_BYTES if in_lambda else _VALUE_BYTES


def _is_lambda(tree: Tree) -> bool:
    return bool(tree["class"] == "LAMBDA")


def _is_text(children: Sequence[Tree]) -> bool:
    return bool(children) and all(
        child["class"] == "CONSTANT" and isinstance(child["value"].get("value"), str) for child in children
    )


def _is_short(children: Sequence[Tree], most: int) -> bool:
    return not children or (_is_text(children) and len(children[0]["value"]["value"]) <= most)


def _is_cut(tree: Tree) -> bool:
    if tree["class"] != "FUNCTION" or folded(tree["function_name"]) != "left" or len(tree["children"]) != 2:
        return False
    length = _number(tree["children"][1])
    return length is not None and 0 <= length <= MOST_NEEDLE


def _number(tree: Tree) -> int | None:
    value = tree["value"].get("value") if tree["class"] == "CONSTANT" else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
