"""Whether a stranger's statement may run: judged by DuckDB's own parser and lists of what is allowed.

No word is looked for in the text. What runs is one SELECT; every part of its syntax tree is one that ``grammar.py``
knows; every function is in ``functions.py``; every table is a view of the cage or the statement's own CTE.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import msgspec

from appliance.errors import QueryNotAllowed
from appliance.query import functions, grammar
from appliance.query.cost import weigh
from appliance.query.grammar import Part, folded

VIEWS: Final = frozenset({"events", "rollup_minute", "rollup_hour", "rollup_day"})
MOST_TEXT_BYTES: Final = 100_000
MOST_TREE_BYTES: Final = 8 * 1024 * 1024
MOST_LEVELS: Final = 120
MOST_SAMPLE_ROWS: Final = 100_000

Tree = Mapping[str, Any]
Scope = frozenset[str]

# Table functions and views of the system live in these schemas; the parser writes the first for syntax of its own.
_SCHEMAS: Final = ("", "main")


@dataclass(frozen=True, slots=True)
class Judged:
    """A statement that may run."""

    sql: str
    has_large_values: bool
    """Whether one value of its answer may hold what many rows held."""


class Judge:
    """Parses and judges statements on a small DuckDB instance of its own, which holds nothing."""

    def __init__(self) -> None:
        self._parser = duckdb.connect(config={"threads": 1, "memory_limit": "128MB", "enable_external_access": False})
        self._lock = threading.Lock()
        views = self._parser.execute("SELECT view_name FROM duckdb_views()").fetchall()
        # a CTE can't take the name of what the engine would find where the CTE is not in scope
        self._taken = frozenset(name for (name,) in views)

    def judge(self, sql: str) -> Judged:
        """The one statement in ``sql``, as it may run; raises ``QueryNotAllowed`` that says what may not."""
        if len(sql.encode("utf-8", "replace")) > MOST_TEXT_BYTES:
            raise QueryNotAllowed(f"the statement is longer than {MOST_TEXT_BYTES:,} bytes")
        if "\0" in sql:
            raise QueryNotAllowed("the statement holds a NUL character")
        with self._lock:
            statement = self._statement(sql)
            node = self._tree(statement)
        try:
            _Walk(self._taken).node(node, frozenset(), 0)
            return Judged(statement, has_large_values=weigh(node).is_collected)
        except RecursionError as fault:
            raise QueryNotAllowed("the statement is nested too deeply") from fault

    def close(self) -> None:
        with self._lock:
            self._parser.close()

    def _statement(self, sql: str) -> str:
        try:
            statements = self._parser.extract_statements(sql)
        except (duckdb.Error, UnicodeError) as fault:
            raise QueryNotAllowed(f"this can't be read as SQL: {told(fault)}") from fault
        if len(statements) != 1:
            raise QueryNotAllowed(f"send exactly one statement; this has {len(statements)}")
        if statements[0].type != duckdb.StatementType.SELECT:
            raise QueryNotAllowed(f"only SELECT may run, no {statements[0].type.name}")
        return str(statements[0].query)

    def _tree(self, statement: str) -> Tree:
        try:
            (text,) = self._parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [statement]).fetchall()[0]
            if len(text) > MOST_TREE_BYTES:
                raise QueryNotAllowed("the statement has too many parts")
            tree: dict[str, Any] = msgspec.json.decode(text)
        except (duckdb.Error, RecursionError) as fault:
            raise QueryNotAllowed("the statement is nested too deeply, or can't be read as SQL") from fault
        if tree["error"] or len(tree["statements"]) != 1:
            raise QueryNotAllowed("only a single SELECT may run")
        node: Tree = tree["statements"][0]["node"]
        return node


def told(fault: Exception) -> str:
    """What an error of DuckDB says, without the picture of the statement that follows it."""
    return str(fault).partition("\n")[0].strip()


class _Walk:
    """Goes through a syntax tree and raises ``QueryNotAllowed`` at the first part that is not known."""

    def __init__(self, taken: Scope) -> None:
        self._taken = taken

    def node(self, node: Tree, scope: Scope, level: int) -> None:
        shape = _known(grammar.NODES, node["type"], "kind of query")
        inner = self._with_ctes(node["cte_map"], scope, level)
        for name, value in node.items():
            own = (
                inner | {folded(node["cte_name"])} if (node["type"], name) == ("RECURSIVE_CTE_NODE", "right") else inner
            )
            self._part(_field(shape, name), name, value, own, level)

    def _with_ctes(self, ctes: Tree, scope: Scope, level: int) -> Scope:
        for entry in ctes["map"]:
            name = folded(entry["key"])
            if name in self._taken:
                raise QueryNotAllowed(f"a CTE can't be named {name}: the engine has a view of that name")
            for part, value in entry["value"].items():
                self._part(_CTE[part], part, value, scope, level)
            scope |= {name}
        return scope

    def _part(self, part: Part, name: str, value: Any, scope: Scope, level: int) -> None:
        if level > MOST_LEVELS:
            raise QueryNotAllowed(f"the statement nests more than {MOST_LEVELS} levels deep")
        level += 1
        match part:
            case Part.PLAIN | Part.CTES:
                return
            case Part.NOTHING:
                if value:
                    raise QueryNotAllowed(f"this may not be given: {name.replace('_', ' ')} ({value})")
            case Part.EXPRESSIONS:
                self._expressions(value, scope, level)
            case Part.ROWS:
                for row in value:
                    self._expressions(row, scope, level)
            case Part.OBJECTS:
                self._objects(name, value, scope, level)
            case _ if value is not None:
                self._single(part, value, scope, level)

    def _single(self, part: Part, value: Any, scope: Scope, level: int) -> None:
        match part:
            case Part.EXPRESSION:
                self._expression(value, scope, level)
            case Part.QUERY:
                if value.keys() != {"node", "named_param_map"}:
                    raise QueryNotAllowed("a subquery of this kind is not allowed")
                self.node(value["node"], scope, level)
            case Part.NODE:
                self.node(value, scope, level)
            case Part.TABLE:
                self._table(value, scope, level)
            case _:
                _check_type(value)

    def _expressions(self, values: Iterable[Tree], scope: Scope, level: int) -> None:
        for value in values:
            self._expression(value, scope, level)

    def _objects(self, name: str, value: Any, scope: Scope, level: int) -> None:
        for item in value if isinstance(value, list) else [value] if value is not None else []:
            shape = _known(grammar.OBJECTS[name], item.get("type", ""), name)
            if name == "sample" and not item["is_percentage"] and item["sample_size"]["value"] > MOST_SAMPLE_ROWS:
                raise QueryNotAllowed(f"a sample may have {MOST_SAMPLE_ROWS:,} rows at most")
            for field, inner in item.items():
                self._part(_field(shape, field), field, inner, scope, level)

    def _expression(self, expression: Tree, scope: Scope, level: int) -> None:
        kind = expression["class"]
        shape = _known(grammar.EXPRESSIONS, kind, "expression")
        if kind in ("FUNCTION", "WINDOW"):
            _check_call(expression, functions.FUNCTIONS)
        elif kind == "OPERATOR" and expression["type"] not in grammar.OPERATORS:
            raise QueryNotAllowed(f"the operator {expression['type']} is not allowed")
        elif kind == "COLUMN_REF" and folded(expression["column_names"][-1]) in functions.BARE_CALLS:
            raise QueryNotAllowed(f"{expression['column_names'][-1]} is not allowed")
        self._fields(shape, expression, scope, level)

    def _table(self, table: Tree, scope: Scope, level: int) -> None:
        kind = table["type"]
        shape = _known(grammar.TABLES, kind, "entry in FROM")
        if kind == "TABLE_FUNCTION":
            call = table["function"]
            _check_call(call, functions.TABLE_FUNCTIONS)
            self._fields(grammar.EXPRESSIONS["FUNCTION"], call, scope, level)
            self._fields({**shape, "function": Part.PLAIN}, table, scope, level)
            return
        if kind == "JOIN" and table["ref_type"] not in grammar.JOINS:
            raise QueryNotAllowed(f"a {table['ref_type']} join is not allowed")
        self._fields(shape, table, scope, level)
        if kind == "BASE_TABLE" and folded(table["table_name"]) not in scope | VIEWS:
            raise QueryNotAllowed(f"there is no table {table['table_name']!a}; there are {', '.join(sorted(VIEWS))}")

    def _fields(self, shape: grammar.Shape, value: Tree, scope: Scope, level: int) -> None:
        for name, inner in value.items():
            self._part(_field(shape, name), name, inner, scope, level)


_CTE: Final = {
    "aliases": Part.PLAIN,
    "query": Part.QUERY,
    "materialized": Part.PLAIN,
    "key_targets": Part.EXPRESSIONS,
}


def _known(shapes: Mapping[str, grammar.Shape], kind: str, what: str) -> grammar.Shape:
    shape = shapes.get(kind)
    if shape is None:
        raise QueryNotAllowed(f"{kind.lower().replace('_', ' ')} is not allowed as {what}")
    return shape


def _field(shape: grammar.Shape, name: str) -> Part:
    part = shape.get(name)
    if part is None:
        raise QueryNotAllowed(f"{name.replace('_', ' ')} is not allowed")
    return part


def _check_call(call: Tree, allowed: frozenset[str]) -> None:
    name = folded(call["function_name"])
    if call["schema"] not in _SCHEMAS or call["catalog"]:
        raise QueryNotAllowed(f"call {name} by its name alone, as {name}(…)")
    if name not in allowed:
        raise QueryNotAllowed(f"the function {name!a} is not among those that are allowed")


def _check_type(kind: Tree) -> None:
    info = kind["type_info"] or {}
    if kind["id"] == "UNBOUND":
        if folded(info["name"]) not in grammar.NAMED_TYPES or info["schema"] or info["catalog"]:
            raise QueryNotAllowed(f"the type {info['name']!a} is not allowed")
    elif kind["id"] not in grammar.TYPES or info.get("alias"):
        raise QueryNotAllowed(f"the type {kind['id']} is not allowed")
    if "child_type" in info:
        _check_type(info["child_type"])
    for child in info.get("child_types", ()):
        _check_type(child["second"])
