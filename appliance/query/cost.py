"""How much a statement could make of little text: bounded before it runs.

While a query runs, a watch ends it when it takes too long or too much memory (``watch.py``). The engine looks for that
between operators and between chunks of 2,048 rows, so what one operator does with one chunk has to be bounded
beforehand, and so has the size of the plan (a CTE that is read twice by one that is read twice …).

*Growth* is how many times as large as a value of a column everything is that a SELECT's expressions make on the way
to their results: ``a || b`` is 2, ``a || b || c`` is 2 + 3. A column of a subquery is as wide as what made it.

A *collecting* aggregate, such as ``list``, puts many rows into one value. All that it has made fits into memory, but
2,048 copies of one of them may not: what was collected is not joined, and not read beside a subquery.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from appliance.errors import QueryNotAllowed
from appliance.query.functions import AGGREGATES
from appliance.query.grammar import folded
from appliance.query.weights import Place, Rows, Weight, collects_here, heavier, leaf, parameters, unnests_here
from appliance.query.widths import Tree, call_width, grows

MOST_TABLES: Final = 100
MOST_SELECTS: Final = 200
MOST_PARTS: Final = 20_000
MOST_GROWTH: Final = 40
MOST_OF_COLLECTED: Final = 8
MOST_GROUPING_SETS: Final = 256
_STAR_PARTS: Final = 20
_COPIED: Final = (
    "what was collected into lists, texts or maps can't be joined or read beside a subquery: "
    "join first, or collect in the outermost SELECT"
)


def weigh(node: Tree) -> Rows:
    """What a statement hands out, which must have been judged before.

    Raises ``QueryNotAllowed`` where something of it may become too large.
    """
    rows = _Scale().query(node, {}, is_outermost=True)
    if rows.tables > MOST_TABLES:
        raise _too_many_tables()
    return rows


class _Scale:
    """Adds up the parts of a whole statement, and the growth of each of its SELECTs."""

    def __init__(self) -> None:
        self._parts = 0
        self._selects = 0
        self._grown = 0.0
        self._asked = 0

    def query(self, node: Tree, ctes: Mapping[str, Rows], *, is_outermost: bool) -> Rows:
        for entry in node["cte_map"]["map"]:
            made = self.query(entry["value"]["query"]["node"], ctes, is_outermost=False)
            if made.tables > MOST_TABLES:
                raise _too_many_tables()
            ctes = {**ctes, folded(entry["key"]): made}
        if node["type"] == "SELECT_NODE":
            return self._select(node, ctes, is_outermost=is_outermost)
        left = self.query(node["left"], ctes, is_outermost=is_outermost)
        if node["type"] == "RECURSIVE_CTE_NODE":
            return left.beside(self._recursion(node, left, ctes))
        self._others(node["modifiers"], Place(left, ctes, {}))
        return left.beside(self.query(node["right"], ctes, is_outermost=is_outermost))

    def _recursion(self, node: Tree, left: Rows, ctes: Mapping[str, Rows]) -> Rows:
        before = self._grown
        right = self.query(node["right"], {**ctes, folded(node["cte_name"]): left}, is_outermost=False)
        if self._grown > before or right.is_collected:
            raise QueryNotAllowed(
                "texts and lists may not be joined or collected in the repeated part of a recursive CTE"
            )
        return right

    def _select(self, node: Tree, ctes: Mapping[str, Rows], *, is_outermost: bool) -> Rows:
        self._selects += 1
        if self._selects > MOST_SELECTS:
            raise QueryNotAllowed(f"the statement has more than {MOST_SELECTS} SELECTs")
        if len(node["group_sets"]) > MOST_GROUPING_SETS:
            raise QueryNotAllowed(f"there may be {MOST_GROUPING_SETS} grouping sets at most")
        asked_before = self._asked
        rows = self._table(node["from_table"], ctes)
        after = [node[part] for part in ("select_list", "having", "qualify", "modifiers")]
        is_collected = rows.is_collected or collects_here(after)
        if rows.is_collected and not is_outermost and unnests_here(node["select_list"]):
            raise QueryNotAllowed(_COPIED)
        place = Place(rows, ctes, {}, may_ask=not is_collected)
        listed, width = self._select_list(
            node["select_list"], place, MOST_OF_COLLECTED if is_collected else MOST_GROWTH
        )
        self._others(after[1:], listed)
        early = Place(rows, ctes, listed.aliases, may_ask=not rows.is_collected)
        self._others([node["where_clause"], node["group_expressions"]], early)
        return Rows(width, is_collected, rows.tables + self._asked - asked_before)

    def _select_list(self, expressions: list[Tree], place: Place, most: float) -> tuple[Place, float]:
        aliases: dict[str, Weight] = {}
        growth, width = 0.0, 0.0
        for expression in expressions:
            here = Place(place.rows, place.ctes, aliases, place.may_ask)
            weight = self._check(self._expression(expression, here))
            growth += weight.growth
            width = max(width, weight.width)
            name = folded(expression["alias"])
            if name:
                aliases[name] = heavier(weight, aliases.get(name))
        self._check_growth(growth, most)
        return Place(place.rows, place.ctes, aliases, place.may_ask), width

    def _table(self, table: Tree, ctes: Mapping[str, Rows]) -> Rows:
        match table["type"]:
            case "BASE_TABLE":
                return ctes.get(folded(table["table_name"]), Rows())
            case "SUBQUERY":
                return self.query(table["subquery"]["node"], ctes, is_outermost=False)
            case "JOIN":
                both = self._table(table["left"], ctes).beside(self._table(table["right"], ctes))
                if both.is_collected:
                    raise QueryNotAllowed(_COPIED)
                self._others(table["condition"], Place(both, ctes, {}))
                return both
            case "TABLE_FUNCTION":
                # it hands out rows as they are asked for, so its own bounds need not be written out
                self._others(table["function"]["children"], Place(Rows(), ctes, {}))
                return Rows()
            case _:
                width = self._others(table.get("values"), Place(Rows(), ctes, {}))
                return Rows(max(1.0, width))

    def _others(self, tree: Tree, place: Place) -> float:
        """Weigh expressions wherever they lie in ``tree``; how wide the widest is."""
        weights = [self._check(weight) for weight in self._inner(tree, place)]
        return max((weight.width for weight in weights), default=0.0)

    def _check(self, weight: Weight) -> Weight:
        self._parts += weight.parts
        self._grown += weight.growth
        if self._parts > MOST_PARTS:
            raise QueryNotAllowed(
                f"the statement has more than {MOST_PARTS:,} parts, aliases counted where they are used"
            )
        self._check_growth(weight.growth, MOST_GROWTH)
        return weight

    @staticmethod
    def _check_growth(growth: float, most: float) -> None:
        if growth > most:
            raise QueryNotAllowed(
                "texts or lists are joined, repeated or lengthened so often that the result could be too large: "
                "join fewer, or aggregate first"
            )

    def _expression(self, tree: Tree, place: Place) -> Weight:
        kind = tree["class"]
        if kind in ("COLUMN_REF", "CONSTANT"):
            return leaf(tree, place)
        if kind == "FUNCTION":
            return self._call(tree, place)
        if kind == "LAMBDA":
            return self._expression(tree["expr"], Place(Rows(), place.ctes, {}, parameters=parameters(tree)))
        if kind == "SUBQUERY":
            return self._subquery(tree, place)
        inner = self._of_all(list(tree.values()), place)
        if kind == "STAR":  # it becomes a column each
            return Weight(_STAR_PARTS + inner.parts, max(inner.width, place.rows.width), inner.growth)
        return inner

    def _subquery(self, tree: Tree, place: Place) -> Weight:
        asked_before = self._asked
        answer = self.query(tree["subquery"]["node"], place.ctes, is_outermost=False)
        self._asked = asked_before + answer.tables
        if answer.is_collected or not place.may_ask:
            raise QueryNotAllowed(_COPIED)
        inner = self._of_all(tree["child"], place)
        return Weight(inner.parts, answer.width, inner.growth)

    def _of_all(self, tree: Tree, place: Place) -> Weight:
        """The weight of what chooses among its expressions: as wide as the widest."""
        found = self._inner(tree, place)
        width = max((weight.width for weight in found), default=0.0)
        return Weight(1 + sum(weight.parts for weight in found), width, sum(weight.growth for weight in found))

    def _inner(self, tree: Tree, place: Place) -> list[Weight]:
        if isinstance(tree, list):
            return [weight for item in tree for weight in self._inner(item, place)]
        if isinstance(tree, dict) and "class" in tree:
            return [self._expression(tree, place)]
        if isinstance(tree, dict):
            return self._inner(list(tree.values()), place)
        return []

    def _call(self, tree: Tree, place: Place) -> Weight:
        name, children = folded(tree["function_name"]), tree["children"]
        weights = self._inner(children, place)
        extra = self._inner([tree["filter"], tree["order_bys"]], place)
        parts = 1 + sum(weight.parts for weight in weights + extra)
        growth = sum(weight.growth for weight in weights + extra)
        in_lambda = place.parameters is not None
        width = call_width(name, children, [weight.width for weight in weights], in_lambda=in_lambda)
        if name in AGGREGATES:
            return Weight(parts, 1, growth)
        return Weight(parts, width, growth + width if grows(name, children) else growth)


def _too_many_tables() -> QueryNotAllowed:
    return QueryNotAllowed(f"the statement reads more than {MOST_TABLES} tables, those in its CTEs counted each time")
