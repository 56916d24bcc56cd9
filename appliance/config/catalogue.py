"""What can be set: each setting's name, variable, default and what it takes, read from the models' JSON schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from appliance.config.settings import Settings

PREFIX: Final = "APPLIANCE__"
_NOUNS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
}

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that has a value of its own."""

    path: Path
    schema: Mapping[str, Any]
    required: bool

    @property
    def secret(self) -> bool:
        return any(branch.get("writeOnly", False) for branch in branches(self.schema))

    @property
    def description(self) -> str:
        return str(self.schema["description"])

    @property
    def default(self) -> Any:
        return self.schema.get("default")

    @property
    def kind(self) -> str:
        """The JSON type of its value: ``integer``, ``number``, ``boolean``, ``string`` or ``array``."""
        return str(next(branch["type"] for branch in branches(self.schema)))

    @property
    def allowed(self) -> str:
        """What it takes, in words that follow "must be"."""
        return _allowed(self.schema)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every setting by its path, and every section's path with what it is about."""

    settings: Mapping[Path, Setting]
    sections: Mapping[Path, str]


@cache
def catalogue() -> Catalogue:
    """All settings there are, in the order of the models."""
    schema = Settings.model_json_schema()
    nodes = list(_walk(schema, schema.get("$defs", {}), ()))
    return Catalogue(
        settings={node.path: node for node in nodes if isinstance(node, Setting)},
        sections={node[0]: node[1] for node in nodes if isinstance(node, tuple)},
    )


def dotted(path: Path) -> str:
    """The name in the file: ``log.retention_days``."""
    return ".".join(path)


def variable(path: Path) -> str:
    """The environment variable: ``APPLIANCE__LOG__RETENTION_DAYS``."""
    return PREFIX + "__".join(path).upper()


def branches(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternatives of a schema that aren't null."""
    return [branch for branch in schema.get("anyOf", [schema]) if branch.get("type") != "null"]


def _walk(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], path: Path
) -> Iterator[Setting | tuple[Path, str]]:
    for name, member in schema["properties"].items():
        below = _section(member, definitions)
        here = (*path, name)
        if below is None:
            yield Setting(here, member, required=name in schema.get("required", []))
        else:
            yield here, below["description"]
            yield from _walk(below, definitions, here)


def _section(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for branch in branches(schema):
        if "$ref" in branch:
            found: Mapping[str, Any] = definitions[branch["$ref"].rsplit("/", 1)[-1]]
            return found
    return None


def _allowed(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_allowed(branch) for branch in branches(schema))
    if "allowed" in schema:
        return str(schema["allowed"])
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    noun = _NOUNS[schema["type"]]
    if schema["type"] == "array":
        return f"{noun}, each {_allowed(schema['items'])}"
    return noun + _range(schema)


def _range(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']:g}"
    if high is not None:
        return f" from {low:g} to {high:g}"
    return "" if low is None else f", at least {low:g}"
