"""The values of the settings that are secrets, for whoever must not let them out."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from appliance.config.catalogue import catalogue
from appliance.config.settings import Settings


def secret_values(settings: Settings) -> list[str]:
    """The secrets in force, defaults included."""
    found = [_value(settings, path) for path, setting in catalogue().settings.items() if setting.secret]
    return [value.get_secret_value() for value in found if isinstance(value, SecretStr)]


def _value(settings: Settings, path: tuple[str, ...]) -> Any:
    value: Any = settings
    for name in path:
        value = getattr(value, name, None)
    return value
