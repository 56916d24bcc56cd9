"""Checks of the services that are mirrored to: login, version, rights, and the shape of what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from appliance.cli.findings import Finding, failed, passed, warned
from appliance.config.services import PostgresSettings, RedisSettings
from appliance.errors import ApplianceError, TransientError

_TABLES: Final = {
    "missing": "the table analytics_events will be made",
    "incomplete": "the table analytics_events will get the column event_id and a unique index on it",
    "complete": "the table analytics_events is as it should be",
}


def redis(settings: RedisSettings) -> Callable[[], Finding]:
    """Looks at Redis when called."""
    shown = f"{settings.host}:{settings.port}"

    def probe() -> Finding:
        from appliance.adapters.redis_setup import look  # noqa: PLC0415 - only where Redis is configured

        try:
            found = look(settings)
        except ApplianceError as fault:
            return _failed("redis", shown, fault)
        if found.evicts is not None:
            remedy = "set its maxmemory-policy to noeviction, or give the appliance a Redis of its own"
            return warned("redis", f"{shown} throws keys away when its memory is full ({found.evicts})", remedy)
        return passed("redis", f"{shown} is Redis {found.version or '(version unknown)'} and takes what is mirrored")

    return probe


def postgresql(settings: PostgresSettings) -> Callable[[], Finding]:
    """Looks at PostgreSQL when called."""
    shown = f"{settings.host}:{settings.port}"

    def probe() -> Finding:
        from appliance.adapters.postgres_check import look  # noqa: PLC0415 - only where PostgreSQL is configured

        try:
            found = look(settings)
        except ApplianceError as fault:
            return _failed("postgresql", shown, fault)
        return passed("postgresql", f"{shown} is PostgreSQL {found.version}: {_TABLES[found.table]}")

    return probe


def _failed(service: str, shown: str, fault: ApplianceError) -> Finding:
    if not isinstance(fault, TransientError):
        # such a message says itself what is wrong, and what is to be done where that is known
        remedy = f"do what it says, correct the settings of {service}, or take it out of the configuration"
        return failed(service, f"{shown}: {fault.message}", remedy)
    remedy = f"start it, correct {service}.host and {service}.port, or take {service} out of the configuration"
    return failed(service, f"{shown} can't be mirrored to now: {fault.message}", remedy)
