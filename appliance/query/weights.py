"""What is weighed of a statement: rows that are handed out, expressions, and the place where one stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.errors import QueryNotAllowed
from appliance.query.grammar import folded
from appliance.query.widths import Tree, collects, constant_width


@dataclass(frozen=True, slots=True)
class Rows:
    """What a table, a subquery or a CTE hands out: how wide its widest column is, and whether it was collected."""

    width: float = 1.0
    is_collected: bool = False
    tables: int = 1

    def beside(self, other: Rows) -> Rows:
        return Rows(max(self.width, other.width), self.is_collected or other.is_collected, self.tables + other.tables)


@dataclass(frozen=True, slots=True)
class Weight:
    """``parts`` of the plan, ``width`` of the result, ``growth`` of everything made on the way."""

    parts: int = 1
    width: float = 1.0
    growth: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands: which columns it sees, and which aliases and CTEs."""

    rows: Rows
    ctes: Mapping[str, Rows]
    aliases: Mapping[str, Weight]
    may_ask: bool = True
    """Whether a subquery may stand here."""
    parameters: frozenset[str] | None = None
    """Within a lambda, what it may name."""


def leaf(tree: Tree, place: Place) -> Weight:
    if tree["class"] == "CONSTANT":
        return Weight(width=constant_width(tree, in_lambda=place.parameters is not None))
    name = folded(tree["column_names"][0])
    if place.parameters is not None and name not in place.parameters:
        raise QueryNotAllowed(f"a lambda may name its own parameters alone, not {name!a}")
    column = Weight(width=place.rows.width)
    return heavier(column, place.aliases.get(name))


def parameters(tree: Tree) -> frozenset[str]:
    names = tree["lhs"]["children"] if tree["lhs"]["class"] == "FUNCTION" else [tree["lhs"]]
    return frozenset(folded(name["column_names"][0]) for name in names if name["class"] == "COLUMN_REF")


def heavier(one: Weight, other: Weight | None) -> Weight:
    if other is None:
        return one
    return Weight(max(one.parts, other.parts), max(one.width, other.width), max(one.growth, other.growth))


def collects_here(tree: Tree) -> bool:
    """Whether a collecting aggregate stands in a SELECT's own expressions, those of its subqueries left out."""
    if isinstance(tree, list):
        return any(map(collects_here, tree))
    if not isinstance(tree, dict) or tree.get("class") == "SUBQUERY":
        return False
    return collects(tree) or any(map(collects_here, tree.values()))


def unnests_here(tree: Tree) -> bool:
    if isinstance(tree, list):
        return any(map(unnests_here, tree))
    if not isinstance(tree, dict) or tree.get("class") == "SUBQUERY":
        return False
    return folded(tree.get("function_name", "")) == "unnest" or any(map(unnests_here, tree.values()))
