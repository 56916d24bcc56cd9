"""The event schema's page lists every code that a sender can meet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import errors
from appliance.config import Settings
from appliance.events.types import KNOWN_TYPES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "event-schema.md").read_text("utf-8")
CONTRACT = [
    "invalid_json",
    "empty",
    "not_an_object",
    "missing_field",
    "wrong_type",
    "too_long",
    "too_deep",
    "too_large",
    "bad_event_type",
    "bad_timestamp",
    "timestamp_too_old",
    "timestamp_in_future",
    "bad_amount",
    "bad_currency",
    "bad_event_id",
    "bad_encoding",
    "duplicate_key",
    "erased",
    "storage_full",
    "overloaded",
    "rate_limited",
    "bad_argument",
    "not_found",
]
# where a code stands among the arguments of what carries it
_PLACES = {"Rejection": 0, "BodyError": 0, "problem": 1}


def _codes_raised() -> set[str]:
    """The codes written out where an event or a request is refused."""
    files = [path for room in ("events", "ingest", "api") for path in (ROOT / "appliance" / room).rglob("*.py")]
    return {code for path in files for code in _codes_in(ast.parse(path.read_text("utf-8")))}


def _codes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _PLACES:
            code = node.args[_PLACES[node.func.id] : _PLACES[node.func.id] + 1]
            if code and isinstance(code[0], ast.Constant):
                yield str(code[0].value)


def _codes_of_errors() -> set[str]:
    """The codes of the errors that a request can be answered with."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    answered = [kind for kind in kinds if issubclass(kind, (errors.RequestError, errors.TransientError))]
    return {kind.code for kind in answered if "code" in vars(kind)}


def _listed() -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))


@pytest.mark.parametrize("code", CONTRACT)
def test_every_code_of_the_contract_is_told(code: str) -> None:
    """A code that senders may rely on is on the page."""
    assert f"`{code}`" in PAGE


def test_every_code_in_the_product_has_a_row() -> None:
    """No event and no request is refused with a code that the tables don't explain."""
    raised = _codes_raised()
    assert "duplicate_key" in raised
    assert set() == (raised | _codes_of_errors()) - _listed()


def test_every_known_type_is_told() -> None:
    """The table of types leaves none out."""
    assert [] == [name for name in KNOWN_TYPES if f"`{name}`" not in PAGE]


def test_limits_are_the_defaults() -> None:
    """Each limit in the table is the default of the setting beside it."""
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| `ingest\.(\w+)` \|", PAGE, re.MULTILINE)
    assert len(rows) >= 8
    ingest = Settings().ingest
    assert [(_shown(getattr(ingest, name), name), name) for _, name in rows] == rows


def _shown(value: float, name: str) -> str:
    if name.endswith("_bytes"):
        return f"{value // 1024**2:g} MiB" if value >= 1024**2 else f"{value // 1024:g} KiB"
    return f"{value:g} s" if name.endswith("_seconds") else f"{value:,}"
