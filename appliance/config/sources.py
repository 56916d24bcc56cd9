"""Where settings are written: the YAML file, the environment, the command line. Each tells what is given there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from appliance.config.catalogue import PREFIX, Setting, catalogue, dotted
from appliance.errors import ConfigError

WELL_KNOWN: Final[Mapping[str, tuple[str, str]]] = {
    "KAFKA_BOOTSTRAP_SERVERS": ("kafka", "bootstrap_servers"),
    "REDIS_HOST": ("redis", "host"),
    "ELASTICSEARCH_HOSTS": ("elasticsearch", "hosts"),
    "POSTGRES_HOST": ("postgresql", "host"),
    "PGPASSWORD": ("postgresql", "password"),
    "APPLIANCE_ADMIN_KEY": ("server", "admin_key"),
    "APPLIANCE_WRITE_KEY": ("server", "write_key"),
}
"""Variables that are read although they lack the prefix. Empty ones don't count: images often declare them so."""

_TRUTH: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


@dataclass(frozen=True, slots=True)
class Given:
    """A value that somebody wrote, and the name under which it stands there."""

    path: tuple[str, ...]
    value: Any
    label: str


def from_file(path: Path) -> Iterator[Given]:
    """What a YAML file gives; raises ``ConfigError`` where it can't be read or isn't a mapping of sections."""
    document = _parse(path)
    if document is None:
        return
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must be a mapping of sections, such as 'log:' with settings below it")
    yield from _flatten(document, (), f"{path}: ")


def from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    """What the environment gives: first the well-known variables, then those with the prefix, which win."""
    for name, known in WELL_KNOWN.items():
        if environ.get(name):
            yield Given(known, _typed(environ[name], known), name)
    for name, text in environ.items():
        if name.startswith(PREFIX):
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            yield Given(path, _typed(text, path), name)


def from_options(overrides: Mapping[str, Any]) -> Iterator[Given]:
    """What the command line gives, nested as in the file; an option that is ``None`` was not given."""
    for given in _flatten(overrides, (), ""):
        if given.value is not None:
            yield Given(given.path, given.value, "--" + given.path[-1].replace("_", "-"))


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a name given twice, of which the last would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _GivenTwice(key.value, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _GivenTwice(yaml.MarkedYAMLError):
    def __init__(self, name: str, mark: yaml.Mark) -> None:
        super().__init__(problem=f"'{name}' is given twice", problem_mark=mark)


def _parse(path: Path) -> Any:
    try:
        # _Loader is a SafeLoader
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except OSError as fault:
        raise ConfigError(f"{path}: can't be read: {fault.strerror}") from None
    except yaml.MarkedYAMLError as fault:
        raise ConfigError(f"{path}, line {_line(fault)}: not valid YAML{_reason(fault)}") from None
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"{path}: not valid YAML in UTF-8") from None


def _line(fault: yaml.MarkedYAMLError) -> int:
    mark = fault.problem_mark or fault.context_mark
    return mark.line + 1 if mark else 1


def _reason(fault: yaml.MarkedYAMLError) -> str:
    # other kinds quote the text, which may be a secret (`password: *word` is an unknown alias)
    tellable = isinstance(fault, _GivenTwice | yaml.scanner.ScannerError)
    return f": {fault.problem}" if tellable else ""


def _flatten(values: Mapping[Any, Any], above: tuple[str, ...], place: str) -> Iterator[Given]:
    for key, value in values.items():
        # what is no name at all still has to fit on the one line of its error
        path = (*above, str(key).encode("unicode_escape").decode("ascii"))
        if path in catalogue().sections and isinstance(value, Mapping):
            yield Given(path, {}, place + dotted(path))
            yield from _flatten(value, path, place)
        elif value is None and path in catalogue().sections:
            # `redis:` with nothing below it is named, and so on; `alerts.email:` is a part left out
            if not above:
                yield Given(path, {}, place + dotted(path))
        else:
            yield Given(path, value, place + dotted(path))


def _typed(text: str, path: tuple[str, ...]) -> Any:
    """Text of a variable as the type its setting has; text that isn't of that type stays, to be complained about."""
    setting = catalogue().settings.get(path)
    if setting is None:
        return text
    return _value(text, setting)


def _value(text: str, setting: Setting) -> Any:
    if setting.kind == "array":
        return [part.strip() for part in text.split(",")] if text.strip() else []
    if setting.kind == "boolean":
        return _TRUTH.get(text.strip().lower(), text)
    try:
        return {"integer": int, "number": float}.get(setting.kind, str)(text)
    except ValueError:
        return text
