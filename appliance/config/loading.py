"""Reads the settings from file, environment and command line, later ones before earlier ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from appliance.config.catalogue import PREFIX, Setting, catalogue, dotted, variable
from appliance.config.settings import Settings
from appliance.config.sources import Given, from_environment, from_file, from_options
from appliance.errors import ConfigError

DEFAULT_FILE = Path("/app/config/analytics_config.yaml")
"""Read when no file is named and this one is there: where container images keep it."""

_LOGIN_IN_URL = re.compile(r"//[^/@\s]*@")


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of the YAML file ``path``, over them ``environ``, over both ``overrides`` (nested as the file is).

    Without ``path`` the file is ``/app/config/analytics_config.yaml`` where there is one. Raises ``ConfigError``,
    with one line that names the first wrong setting as it is written, for an unknown or ill-typed setting.
    """
    file = path or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    given = [
        *(from_file(file) if file else ()),
        *from_environment(environ),
        *from_options(overrides or {}),
    ]
    for one in given:
        _check_name(one)
    values, labels = _merge(given)
    try:
        return Settings(**values)
    except ValidationError as fault:
        # the cause holds the values, secrets among them
        raise ConfigError(_explain(fault.errors(include_url=False)[0], labels)) from None


def _merge(given: Iterable[Given]) -> tuple[dict[str, Any], dict[tuple[str, ...], str]]:
    values: dict[str, Any] = {}
    labels: dict[tuple[str, ...], str] = {}
    given = list(given)
    named = {one.path[0] for one in given if one.label != "PGPASSWORD"}
    for one in given:
        # other programs read PGPASSWORD too, so alone it doesn't switch PostgreSQL on
        if one.path[0] in named:
            _put(values, one)
            labels[one.path] = one.label
    return values, labels


def _put(values: dict[str, Any], given: Given) -> None:
    *above, name = given.path
    for part in above:
        values = values.setdefault(part, {})
    if given.path in catalogue().sections:
        values.setdefault(name, {})
    else:
        values[name] = given.value


def _check_name(given: Given) -> None:
    known = catalogue()
    if given.path in known.settings:
        return
    if given.path not in known.sections:
        raise ConfigError(f"{given.label}: there is no such setting; {_suggestion(given)}")
    if given.value != {}:
        raise ConfigError(f"{given.label}: is a section: give it settings such as {_example(given)}")


def _suggestion(given: Given) -> str:
    known = [*catalogue().sections, *catalogue().settings]
    siblings = {path[-1]: path for path in known if path[:-1] == _known_part(given.path)}
    near = [siblings[name] for name in get_close_matches(given.path[-1], siblings, n=1)]
    elsewhere = [path for path in catalogue().settings if path[-1] == given.path[-1]]
    for path in (*near, *elsewhere):
        return f"did you mean {_as_written(path, given)}?"
    return f"there are {', '.join(_as_written(path, given) for path in siblings.values())}"


def _known_part(path: tuple[str, ...]) -> tuple[str, ...]:
    """The longest beginning of ``path`` that is a section."""
    while path and path not in catalogue().sections:
        path = path[:-1]
    return path


def _example(given: Given) -> str:
    path = next(path for path in catalogue().settings if path[: len(given.path)] == given.path)
    return _as_written(path, given)


def _as_written(path: tuple[str, ...], given: Given) -> str:
    return variable(path) if given.label.startswith(PREFIX) else dotted(path)


def _explain(error: ErrorDetails, labels: Mapping[tuple[str, ...], str]) -> str:
    path = _path(error["loc"])
    label = labels.get(path, dotted(path))
    setting = catalogue().settings.get(path)
    if setting is None:
        return f"{label}: {error['ctx']['error']}"
    if error["type"] == "missing":
        return f"{_label_of_section(path, labels)}: is missing; it must be {setting.allowed}"
    if error["type"] == "too_short" and setting.kind == "array":
        return f"{label}: must not be an empty list"
    return f"{label}: must be {setting.allowed}{_echo(error['input'], setting)}"


def _path(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The setting that an error is about: its location without list positions and the like."""
    path = tuple(str(part) for part in location)
    known = catalogue()
    while path and path not in known.settings and path not in known.sections:
        path = path[:-1]
    return path


def _label_of_section(path: tuple[str, ...], labels: Mapping[tuple[str, ...], str]) -> str:
    above = labels.get(path[:-1], dotted(path[:-1]))
    return variable(path) if above.startswith(PREFIX) else f"{above}.{path[-1]}"


def _echo(value: Any, setting: Setting) -> str:
    """What was given instead, but never of a secret; a login inside an address is one too."""
    hint = "; put it in quotes" if setting.kind == "string" and isinstance(value, int | float) else ""
    if setting.secret or isinstance(value, list | dict):
        return hint
    text = _LOGIN_IN_URL.sub("//***@", "null" if value is None else repr(value))
    return f", not {text[:57] + '...' if len(text) > 60 else text}{hint}"
