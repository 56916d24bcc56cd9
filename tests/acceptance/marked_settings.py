"""Every secret setting set to a marker of its own, by environment or by file."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from appliance.config.catalogue import catalogue, dotted, variable

SECRET_PATHS: Final = [path for path, setting in catalogue().settings.items() if setting.secret]
"""From the catalogue, so that a secret that is added is searched for too."""

_URLS: Final = {("alerts", "slack", "webhook_url"), ("alerts", "webhook", "url")}
_BESIDE: Final[dict[str, Any]] = {
    "alerts.email.host": "127.0.0.1",
    "alerts.email.port": 9,
    "alerts.email.username": "mailer",
    "alerts.email.from": "appliance@example.org",
    "alerts.email.to": "somebody@example.org",
    "kafka.bootstrap_servers": "127.0.0.1:9",
    "kafka.security_protocol": "SASL_SSL",
    "kafka.sasl_mechanism": "PLAIN",
    "kafka.sasl_username": "reader",
    "kafka.ssl_cert_file": __file__,
    "kafka.ssl_key_file": __file__,
    "redis.host": "127.0.0.1",
    "redis.port": 9,
    "elasticsearch.username": "searcher",
    "postgresql.host": "127.0.0.1",
    "postgresql.port": 9,
}
"""What the secrets' sections need to be complete, at addresses where nothing answers."""
LOGIN: Final = "MARKER-of-a-login-in-an-address"
_SEARCH: Final = f"http://elastic:{LOGIN}@127.0.0.1:9"
# Elasticsearch takes a login or a key.
_FIRST_WAY: Final = frozenset({"elasticsearch.api_key"})
_SECOND_WAY: Final = frozenset({"elasticsearch.username", "elasticsearch.password"})
_LISTS: Final = {"alerts.email.to", "kafka.bootstrap_servers", "elasticsearch.hosts"}


def marker(path: tuple[str, ...]) -> str:
    """The text that must come out nowhere; long enough that no key of ours is called short."""
    return f"MARKER-of-{dotted(path).replace('.', '-')}-0123456789"


def markers() -> list[str]:
    return [LOGIN, *map(marker, SECRET_PATHS)]


def values(without: Collection[str] = _FIRST_WAY) -> dict[str, Any]:
    """Every setting to give, by its dotted name, but those that exclude others that are given."""
    secrets = {
        dotted(path): f"https://127.0.0.1:9/{marker(path)}" if path in _URLS else marker(path) for path in SECRET_PATHS
    }
    given = {**_BESIDE, "elasticsearch.hosts": _SEARCH, **secrets}
    return {name: value for name, value in given.items() if name not in without}


def way_of(name: str) -> Collection[str]:
    """What to leave out so that this setting is given."""
    return _SECOND_WAY if name in _FIRST_WAY else _FIRST_WAY


def as_environment() -> dict[str, str]:
    return {variable(tuple(name.split("."))): str(value) for name, value in values().items()}


def as_file(path: Path) -> Path:
    """The settings as a configuration file, where two exclude each other the other one than in the environment."""
    nested: dict[str, Any] = {}
    for name, value in values(_SECOND_WAY).items():
        put(nested, name, [value] if name in _LISTS else value)
    path.write_text(yaml.safe_dump(nested), "utf-8")
    return path


def put(nested: dict[str, Any], name: str, value: Any) -> None:
    """Set a dotted name in nested sections."""
    *above, last = name.split(".")
    for part in above:
        nested = nested.setdefault(part, {})
    nested[last] = value


def found_in(content: bytes, secrets: Mapping[str, str]) -> Iterator[str]:
    """The names of the secrets that occur in some bytes, plain or in Base64."""
    for name, secret in secrets.items():
        plain = secret.encode()
        # Base64 of a text depends on where in its neighbour's three bytes it begins
        shifted = (base64.b64encode(b" " * pad + plain)[4:-4] for pad in range(3))
        if plain.lower() in content.lower() or any(form in content for form in shifted):
            yield name
