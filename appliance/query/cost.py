"""How much a statement could make of little text: bounded before it runs.

While a query runs, a watch ends it when it takes too long or too much memory (``watch.py``). The engine looks for that
between operators and between chunks of rows, so three things have to be bounded beforehand: the size of the plan
(a CTE that is read twice by one that is read twice …, an alias made of two of the alias before …), the number of
grouping sets, and what one expression can make of one chunk.

*Growth* is the last: how many times as large as a value of a column everything is that an expression makes on the way
to its result. ``a || b`` is 2, ``a || b || c`` is 2 + 3. Text of the statement counts by its length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.errors import QueryNotAllowed
from appliance.query.functions import AGGREGATES
from appliance.query.grammar import folded
from appliance.query.widths import Tree, call_width, constant_width, grows

MOST_TABLES: Final = 100
MOST_SELECTS: Final = 200
MOST_PARTS: Final = 20_000
MOST_GROWTH: Final = 200
MOST_GROUPING_SETS: Final = 256
_STAR_PARTS: Final = 20


@dataclass(frozen=True, slots=True)
class Weight:
    """``parts`` of the plan, ``width`` of the result, ``growth`` of everything made on the way."""

    parts: int = 1
    width: float = 1.0
    growth: float = 0.0


Aliases = Mapping[str, Weight]


def weigh(node: Tree) -> None:
    """Raise ``QueryNotAllowed`` for a statement that may become too large; it must have been judged before."""
    if _tables(node, {}) > MOST_TABLES:
        raise QueryNotAllowed(
            f"the statement reads more than {MOST_TABLES} tables, those in its CTEs counted each time"
        )
    _Scale().visit(node, {})


def _tables(tree: Tree, ctes: Mapping[str, int]) -> int:
    """How often a table is read when every CTE stands where it is named."""
    if isinstance(tree, list):
        return sum(_tables(item, ctes) for item in tree)
    if not isinstance(tree, dict):
        return 0
    if tree.get("type") == "BASE_TABLE":
        return ctes.get(folded(tree["table_name"]), 1)
    if "cte_map" in tree:
        ctes = dict(ctes)
        for entry in tree["cte_map"]["map"]:
            read = max(1, _tables(entry["value"], ctes))
            if read > MOST_TABLES:
                return read
            ctes[folded(entry["key"])] = read
    return sum(_tables(value, ctes) for name, value in tree.items() if name != "cte_map")


class _Scale:
    """Adds up the parts of a whole statement, and the growth of each of its SELECTs."""

    def __init__(self) -> None:
        self._parts = 0
        self._selects = 0

    def visit(self, tree: Tree, aliases: Aliases) -> None:
        if isinstance(tree, list):
            for item in tree:
                self.visit(item, aliases)
        elif isinstance(tree, dict) and "select_list" in tree:
            self._select(tree, aliases)
        elif isinstance(tree, dict) and "class" in tree:
            self._check(self._expression(tree, aliases, None))
        elif isinstance(tree, dict):
            # a table function hands out rows as they are asked for, so its own bounds need not be written out
            for value in (tree["function"]["children"],) if tree.get("type") == "TABLE_FUNCTION" else tree.values():
                self.visit(value, aliases)

    def _select(self, node: Tree, outer: Aliases) -> None:
        self._selects += 1
        if self._selects > MOST_SELECTS:
            raise QueryNotAllowed(f"the statement has more than {MOST_SELECTS} SELECTs")
        if len(node["group_sets"]) > MOST_GROUPING_SETS:
            raise QueryNotAllowed(f"there may be {MOST_GROUPING_SETS} grouping sets at most")
        aliases = dict(outer)
        growth = 0.0
        for expression in node["select_list"]:
            weight = self._check(self._expression(expression, aliases, None))
            growth += weight.growth
            name = folded(expression["alias"])
            if name:
                aliases[name] = _heavier(weight, aliases.get(name))
        self._check(Weight(0, 1, growth))
        for name, value in node.items():
            if name != "select_list":
                # what stands in FROM, or in a CTE, sees no alias of this list
                self.visit(value, {} if name in ("from_table", "cte_map") else aliases)

    def _check(self, weight: Weight) -> Weight:
        self._parts += weight.parts
        if self._parts > MOST_PARTS:
            raise QueryNotAllowed(
                f"the statement has more than {MOST_PARTS:,} parts, aliases counted where they are used"
            )
        if weight.growth > MOST_GROWTH:
            raise QueryNotAllowed(
                "an expression joins, repeats or lengthens texts or lists so often that its result could be too large: "
                "join fewer, or aggregate first"
            )
        return weight

    def _expression(self, tree: Tree, aliases: Aliases, parameters: frozenset[str] | None) -> Weight:
        """The weight of an expression; within a lambda ``parameters`` are what it may name."""
        kind = tree["class"]
        if kind in ("COLUMN_REF", "CONSTANT"):
            return _leaf(tree, aliases, parameters)
        if kind == "FUNCTION":
            return self._call(tree, aliases, parameters)
        if kind == "LAMBDA":
            return self._lambda(tree)
        if kind == "SUBQUERY":
            self.visit(tree["subquery"], aliases)
            return self._of_all(tree["child"], aliases, parameters)
        inner = self._of_all(list(tree.values()), aliases, parameters)
        if kind == "STAR":  # it becomes a column each
            return Weight(_STAR_PARTS + inner.parts, 1, inner.growth)
        return Weight(inner.parts, 1, inner.growth) if kind == "WINDOW" else inner

    def _of_all(self, tree: Tree, aliases: Aliases, parameters: frozenset[str] | None) -> Weight:
        """The weight of what chooses among its expressions: as wide as the widest."""
        found = self._inner(tree, aliases, parameters)
        width = max((weight.width for weight in found), default=1.0)
        return Weight(1 + sum(weight.parts for weight in found), width, sum(weight.growth for weight in found))

    def _inner(self, tree: Tree, aliases: Aliases, parameters: frozenset[str] | None) -> list[Weight]:
        if isinstance(tree, list):
            return [weight for item in tree for weight in self._inner(item, aliases, parameters)]
        if isinstance(tree, dict) and "class" in tree:
            weight = self._expression(tree, aliases, parameters)
            self._check(Weight(0, 1, weight.growth))
            return [weight]
        if isinstance(tree, dict):
            return self._inner(list(tree.values()), aliases, parameters)
        return []

    def _lambda(self, tree: Tree) -> Weight:
        names = tree["lhs"]["children"] if tree["lhs"]["class"] == "FUNCTION" else [tree["lhs"]]
        parameters = frozenset(folded(name["column_names"][0]) for name in names if name["class"] == "COLUMN_REF")
        return self._expression(tree["expr"], {}, parameters)

    def _call(self, tree: Tree, aliases: Aliases, parameters: frozenset[str] | None) -> Weight:
        name = folded(tree["function_name"])
        children = tree["children"]
        weights = self._inner(children, aliases, parameters)
        extra = self._inner([tree["filter"], tree["order_bys"]], aliases, parameters)
        parts = 1 + sum(weight.parts for weight in weights + extra)
        growth = sum(weight.growth for weight in weights + extra)
        if name in AGGREGATES:
            return Weight(parts, 1, growth)
        width = call_width(name, children, [weight.width for weight in weights], in_lambda=parameters is not None)
        return Weight(parts, width, growth + width if grows(name, children) else growth)


def _leaf(tree: Tree, aliases: Aliases, parameters: frozenset[str] | None) -> Weight:
    if tree["class"] == "CONSTANT":
        return Weight(width=constant_width(tree, in_lambda=parameters is not None))
    name = folded(tree["column_names"][0])
    if parameters is not None and name not in parameters:
        raise QueryNotAllowed(f"a lambda may name its own parameters alone, not {name!a}")
    return aliases.get(name, Weight())


def _heavier(one: Weight, other: Weight | None) -> Weight:
    if other is None:
        return one
    return Weight(max(one.parts, other.parts), max(one.width, other.width), max(one.growth, other.growth))
