"""What a stranger's statement may consist of: the parts of DuckDB's syntax tree that are known to be harmless.

``json_serialize_sql`` writes a tree of objects. Each kind that is allowed stands here with every field it has and
what lies in it; a kind, a field or a variant that isn't here is refused, so that syntax which a later DuckDB brings
stays out until somebody has looked at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class Part(Enum):
    """What lies in a field."""

    PLAIN = auto()
    """Names, numbers and switches that lead nowhere."""
    NOTHING = auto()
    """Must be empty: what it would hold is not allowed."""
    EXPRESSION = auto()
    EXPRESSIONS = auto()
    QUERY = auto()
    NODE = auto()
    CTES = auto()
    TABLE = auto()
    TYPE = auto()
    ROWS = auto()
    """Lists of expressions."""
    OBJECTS = auto()
    """Objects without a kind, or those of ``MODIFIERS`` and ``ORDERS``."""


Shape = Mapping[str, Part]

_ANY: Final = {"class": Part.PLAIN, "type": Part.PLAIN, "alias": Part.PLAIN, "query_location": Part.PLAIN}
_CALL: Final = {
    **_ANY,
    "function_name": Part.PLAIN,
    "schema": Part.PLAIN,
    "catalog": Part.NOTHING,
    "children": Part.EXPRESSIONS,
    "distinct": Part.PLAIN,
}

EXPRESSIONS: Final[Mapping[str, Shape]] = {
    "COLUMN_REF": {**_ANY, "column_names": Part.PLAIN},
    "POSITIONAL_REFERENCE": {**_ANY, "index": Part.PLAIN},
    "CONSTANT": {**_ANY, "value": Part.PLAIN},
    "STAR": {
        **_ANY,
        "relation_name": Part.PLAIN,
        "exclude_list": Part.PLAIN,
        "qualified_exclude_list": Part.PLAIN,
        "rename_list": Part.PLAIN,
        "replace_list": Part.OBJECTS,
        "columns": Part.PLAIN,
        "expr": Part.EXPRESSION,
    },
    "COMPARISON": {**_ANY, "left": Part.EXPRESSION, "right": Part.EXPRESSION},
    "CONJUNCTION": {**_ANY, "children": Part.EXPRESSIONS},
    "OPERATOR": {**_ANY, "children": Part.EXPRESSIONS},
    "BETWEEN": {**_ANY, "input": Part.EXPRESSION, "lower": Part.EXPRESSION, "upper": Part.EXPRESSION},
    "CASE": {**_ANY, "case_checks": Part.OBJECTS, "else_expr": Part.EXPRESSION},
    "CAST": {**_ANY, "child": Part.EXPRESSION, "cast_type": Part.TYPE, "try_cast": Part.PLAIN},
    "COLLATE": {**_ANY, "child": Part.EXPRESSION, "collation": Part.PLAIN},
    "LAMBDA": {**_ANY, "lhs": Part.EXPRESSION, "expr": Part.EXPRESSION},
    "SUBQUERY": {
        **_ANY,
        "subquery_type": Part.PLAIN,
        "subquery": Part.QUERY,
        "child": Part.EXPRESSION,
        "comparison_type": Part.PLAIN,
    },
    "FUNCTION": {
        **_CALL,
        "filter": Part.EXPRESSION,
        "order_bys": Part.OBJECTS,
        "is_operator": Part.PLAIN,
        "export_state": Part.NOTHING,
    },
    "WINDOW": {
        **_CALL,
        "partitions": Part.EXPRESSIONS,
        "orders": Part.OBJECTS,
        "start": Part.PLAIN,
        "end": Part.PLAIN,
        "start_expr": Part.EXPRESSION,
        "end_expr": Part.EXPRESSION,
        "offset_expr": Part.EXPRESSION,
        "default_expr": Part.EXPRESSION,
        "ignore_nulls": Part.PLAIN,
        "filter_expr": Part.EXPRESSION,
        "exclude_clause": Part.PLAIN,
        "arg_orders": Part.OBJECTS,
    },
}
# Left out: DEFAULT, and PARAMETER, for which there is no value.

OPERATORS: Final = frozenset(
    {
        "ARRAY_EXTRACT",
        "ARRAY_SLICE",
        "STRUCT_EXTRACT",
        "COMPARE_IN",
        "COMPARE_NOT_IN",
        "GROUPING_FUNCTION",
        "OPERATOR_COALESCE",
        "OPERATOR_IS_NULL",
        "OPERATOR_IS_NOT_NULL",
        "OPERATOR_NOT",
        "OPERATOR_TRY",
    }
)
# Left out: OPERATOR_UNPACK, which makes one call's arguments of all columns.

_TABLE: Final = {"type": Part.PLAIN, "alias": Part.PLAIN, "query_location": Part.PLAIN, "sample": Part.OBJECTS}

TABLES: Final[Mapping[str, Shape]] = {
    "EMPTY": _TABLE,
    "BASE_TABLE": {
        **_TABLE,
        "table_name": Part.PLAIN,
        "column_name_alias": Part.PLAIN,
        "schema_name": Part.NOTHING,
        "catalog_name": Part.NOTHING,
        "at_clause": Part.NOTHING,
    },
    "SUBQUERY": {**_TABLE, "subquery": Part.QUERY, "column_name_alias": Part.PLAIN},
    "EXPRESSION_LIST": {
        **_TABLE,
        "expected_names": Part.PLAIN,
        "expected_types": Part.NOTHING,
        "values": Part.ROWS,
    },
    "TABLE_FUNCTION": {
        **_TABLE,
        "function": Part.EXPRESSION,
        "column_name_alias": Part.PLAIN,
        "with_ordinality": Part.PLAIN,
    },
    "JOIN": {
        **_TABLE,
        "left": Part.TABLE,
        "right": Part.TABLE,
        "condition": Part.EXPRESSION,
        "join_type": Part.PLAIN,
        "ref_type": Part.PLAIN,
        "using_columns": Part.PLAIN,
        "delim_flipped": Part.NOTHING,
        "duplicate_eliminated_columns": Part.NOTHING,
    },
}
# Left out: SHOW_REF (DESCRIBE, SHOW and SUMMARIZE read the catalog) and PIVOT (which becomes several statements).

JOINS: Final = frozenset({"REGULAR", "NATURAL", "CROSS", "ASOF"})

_NODE: Final = {"type": Part.PLAIN, "modifiers": Part.OBJECTS, "cte_map": Part.CTES}

NODES: Final[Mapping[str, Shape]] = {
    "SELECT_NODE": {
        **_NODE,
        "select_list": Part.EXPRESSIONS,
        "from_table": Part.TABLE,
        "where_clause": Part.EXPRESSION,
        "group_expressions": Part.EXPRESSIONS,
        "group_sets": Part.PLAIN,
        "aggregate_handling": Part.PLAIN,
        "having": Part.EXPRESSION,
        "qualify": Part.EXPRESSION,
        "sample": Part.OBJECTS,
    },
    "SET_OPERATION_NODE": {
        **_NODE,
        "setop_type": Part.PLAIN,
        "setop_all": Part.PLAIN,
        "left": Part.NODE,
        "right": Part.NODE,
    },
    "RECURSIVE_CTE_NODE": {
        **_NODE,
        "cte_name": Part.PLAIN,
        "union_all": Part.PLAIN,
        "left": Part.NODE,
        "right": Part.NODE,
        "aliases": Part.PLAIN,
        "key_targets": Part.EXPRESSIONS,
    },
}

OBJECTS: Final[Mapping[str, Mapping[str, Shape]]] = {
    "modifiers": {
        "ORDER_MODIFIER": {"type": Part.PLAIN, "orders": Part.OBJECTS},
        "LIMIT_MODIFIER": {"type": Part.PLAIN, "limit": Part.EXPRESSION, "offset": Part.EXPRESSION},
        "LIMIT_PERCENT_MODIFIER": {"type": Part.PLAIN, "limit": Part.EXPRESSION, "offset": Part.EXPRESSION},
        "DISTINCT_MODIFIER": {"type": Part.PLAIN, "distinct_on_targets": Part.EXPRESSIONS},
    },
    "order_bys": {"ORDER_MODIFIER": {"type": Part.PLAIN, "orders": Part.OBJECTS}},
    "orders": {
        direction: {"type": Part.PLAIN, "null_order": Part.PLAIN, "expression": Part.EXPRESSION}
        for direction in ("ORDER_DEFAULT", "ASCENDING", "DESCENDING")
    },
    "case_checks": {"": {"when_expr": Part.EXPRESSION, "then_expr": Part.EXPRESSION}},
    "replace_list": {"": {"key": Part.PLAIN, "value": Part.EXPRESSION}},
    "sample": {"": {"sample_size": Part.PLAIN, "is_percentage": Part.PLAIN, "method": Part.PLAIN, "seed": Part.PLAIN}},
}
"""Objects in lists and fields of these names, by their ``type``, or by nothing where they have none."""

TYPES: Final = frozenset(
    {
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "VARCHAR",
        "CHAR",
        "BLOB",
        "UUID",
        "DATE",
        "TIME",
        "INTERVAL",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        "NULL",
        "LIST",
        "STRUCT",
        "MAP",
        "TIMESTAMP WITH TIME ZONE",
        "TIME WITH TIME ZONE",
    }
)
"""Types that may be cast to. Left out: ENUM, UNION, VARIANT, and ARRAY, whose size is allocated."""
NAMED_TYPES: Final = frozenset({"json"})
"""Types that the parser leaves to be looked up by name."""


def folded(name: str) -> str:
    """A name as DuckDB compares it: letters of ASCII in either case are the same, no others."""
    return "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in name)
