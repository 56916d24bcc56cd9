"""docs/api.md has every route."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from appliance.api.application import make_routes

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text("utf-8")


def _document() -> dict[str, Any]:
    """The OpenAPI document; making it needs none of the parts."""
    return make_routes().openapi()


def test_sections_are_the_routes() -> None:
    """Each route of the OpenAPI document has a section, and each section's route exists."""
    routes = {f"{method.upper()} {path}" for path, methods in _document()["paths"].items() for method in methods}
    assert "POST /v1/events" in routes
    assert routes == set(re.findall(r"^## `([A-Z]+ [^`]+)`$", PAGE, re.MULTILINE))


def test_every_section_has_an_example() -> None:
    """A route is shown by a command that calls it, with what it answered."""
    sections = re.split(r"^## `", PAGE, flags=re.MULTILINE)[1:]
    assert [] == [section.splitlines()[0] for section in sections if "```console\n$ " not in section]


def test_every_argument_is_told() -> None:
    """The arguments that the OpenAPI document names stand on the page."""
    operations = [operation for methods in _document()["paths"].values() for operation in methods.values()]
    names = {argument["name"] for operation in operations for argument in operation.get("parameters", ())}
    assert {"from", "interval", "minutes", "days", "Idempotency-Key"} <= names
    assert [] == [name for name in names if name not in PAGE]
