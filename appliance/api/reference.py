"""The Prometheus metrics as a Markdown table, for the documentation."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.api import exposition


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
    return list(_families(ast.parse(inspect.getsource(exposition))))


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
        made = call.func.id.removesuffix("MetricFamily") if isinstance(call.func, ast.Name) else ""
        if made in ("Counter", "Gauge"):
            name, meaning = (ast.literal_eval(argument) for argument in call.args[:2])
            labels = next((ast.literal_eval(given.value) for given in call.keywords if given.arg == "labels"), ())
            yield Family(name + ("_total" if made == "Counter" else ""), made.lower(), meaning, tuple(labels))
