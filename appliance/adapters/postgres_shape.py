"""Whether a table ``analytics_events`` that was there before can take the log's events, and what to do if not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from appliance.adapters.protocol import Misconfigured

_TYPES: Final = {
    "event_type": ("text", "varchar"),
    "user_id": ("text", "varchar"),
    "timestamp": ("timestamptz", "timestamp"),
    "properties": ("jsonb", "json"),
    "session_id": ("text", "varchar"),
    "campaign_id": ("text", "varchar"),
    "event_id": ("uuid",),
}
"""The columns that there must be, each with the types that do; the first is the one that is made here."""
_MAY_BE_MISSING: Final = frozenset({"session_id", "campaign_id"})
"""What events may lack."""
_KINDS: Final = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "p": "partitioned"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What matters about the table as it is."""

    properties: Literal["json", "jsonb"]
    longest: Mapping[str, int]
    """Characters that its limited text columns hold."""
    has_event_id: bool


def judge(table: Mapping[str, Any], columns: list[dict[str, Any]]) -> Shape:
    """The table's shape; raises ``Misconfigured``, which names the column and the remedy."""
    kind = table["kind"]
    if kind != "r":
        raise _wrong(f"is {_KINDS.get(kind, 'no table')}", "rename it, and a plain table is made in its place")
    if table["has_rules"]:
        raise _wrong("has rules, beside which ON CONFLICT doesn't work", "drop them, or use triggers instead")
    by_name = {column["name"]: column for column in columns}
    for name, types in _TYPES.items():
        _judge_column(name, types, by_name.get(name))
    for name, column in by_name.items():
        if name not in _TYPES:
            _judge_extra(name, column)
    longest = {name: column["longest"] for name, column in by_name.items() if column["longest"] and name in _TYPES}
    properties = cast('Literal["json", "jsonb"]', by_name["properties"]["type"])
    return Shape(properties, longest, "event_id" in by_name)


def _judge_column(name: str, types: tuple[str, ...], column: Mapping[str, Any] | None) -> None:
    if column is None:
        # the one that a team's table can't be expected to have is added
        if name != "event_id":
            remedy = f"ALTER TABLE analytics_events ADD COLUMN {name} {types[0]}"
            raise _wrong(f"has no column {name}", f"{remedy}, or rename the table, and one is made in its place")
        return
    if column["type"] not in types:
        using = f"ALTER COLUMN {name} TYPE {types[0]} USING {name}::{types[0]}"
        raise _wrong(f"has a column {name} of type {column['told']}", f"ALTER TABLE analytics_events {using}")
    if column["generated"]:
        raise _wrong(
            f"computes its column {name} itself", f"ALTER TABLE analytics_events ALTER COLUMN {name} DROP EXPRESSION"
        )
    if name in _MAY_BE_MISSING and column["required"]:
        raise _nullable(name, "which events may lack")


def _judge_extra(name: str, column: Mapping[str, Any]) -> None:
    if column["required"] and not column["has_default"]:
        raise _nullable(name, "which events don't have")


def _nullable(name: str, why: str) -> Misconfigured:
    remedy = f'ALTER TABLE analytics_events ALTER COLUMN "{name}" DROP NOT NULL'
    return _wrong(f"demands a value in {name}, {why}", remedy)


def _wrong(what: str, remedy: str) -> Misconfigured:
    return Misconfigured(f"the table analytics_events {what}: {remedy}")
