"""A mapping as people give it: a file in YAML, and on the command line over it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from appliance.ingest.mapping import BadMapping, Mapping, mapping_of


def read_mapping(file: Path | None, columns: Sequence[str], constants: Sequence[str]) -> Mapping | None:
    """The mapping of a file, with ``FIELD=COLUMN`` and ``FIELD=VALUE`` over it; ``None`` where nothing is said.

    Raises ``BadMapping`` with one line that names what is wrong.
    """
    if file is None and not columns and not constants:
        return None
    content = _content(file) if file is not None else {}
    if isinstance(content, dict):
        _put(content, "columns", _pairs(columns, "--map", "FIELD=COLUMN"), over="constants")
        _put(content, "constants", _pairs(constants, "--set", "FIELD=VALUE"), over="columns")
    try:
        return mapping_of(content)
    except BadMapping as fault:
        raise BadMapping(f"{file}: {fault.message}" if file is not None else fault.message) from fault


def _content(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark is not None else 1
        raise BadMapping(f"{file}: line {line} is not YAML: {fault.problem}") from fault
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise BadMapping(f"{file}: this is not YAML in UTF-8") from fault


def _pairs(texts: Sequence[str], option: str, form: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        field, equals, value = text.partition("=")
        if not equals or not field or not value:
            raise BadMapping(f"{option} {text}: write {option} {form}")
        if field in pairs:
            raise BadMapping(f"{option} {text}: {field} is given twice")
        pairs[field] = value
    return pairs


def _put(content: dict[Any, Any], key: str, pairs: dict[str, str], *, over: str) -> None:
    """What the command line says goes before what the file says, about the same field under either key."""
    if not pairs:
        return
    present, other = content.get(key) or {}, content.get(over)
    if not isinstance(present, dict):
        return
    content[key] = {**present, **pairs}
    if isinstance(other, dict):
        kept = {field: value for field, value in other.items() if field not in pairs}
        content[over] = kept
