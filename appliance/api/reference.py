"""The Prometheus metrics as a Markdown table, for the documentation."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.api.exposition import SECTIONS

_KINDS = {f"{kind}MetricFamily": kind.lower() for kind in ("Counter", "Gauge", "Histogram")}


@dataclass(frozen=True)
class Family:
    """One metric as a scrape shows it; a counter's name ends in ``_total``."""

    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...]


def families() -> list[Family]:
    """Every metric of ``appliance.api.exposition``, in its order.

    Read from the source, since a scrape leaves out what has no value yet.
    """
    return [family for section in SECTIONS for family in _families(ast.parse(inspect.getsource(section)))]


def metrics_table() -> str:
    """One row a metric."""
    head = "| metric | type | labels | meaning |\n|---|---|---|---|"
    rows = (
        f"| `{family.name}` | {family.kind} | {' '.join(f'`{label}`' for label in family.labels)} | {family.meaning} |"
        for family in families()
    )
    return "\n".join((head, *rows)) + "\n"


def _families(tree: ast.AST) -> Iterator[Family]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for call in sorted(calls, key=lambda call: call.lineno):
        kind = _KINDS.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if kind is not None:
            name, meaning = (ast.literal_eval(argument) for argument in call.args[:2])
            labels = next((ast.literal_eval(given.value) for given in call.keywords if given.arg == "labels"), ())
            yield Family(name + ("_total" if kind == "counter" else ""), kind, meaning, tuple(labels))
