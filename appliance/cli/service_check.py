"""Checks of the services that the configuration names: whether they can be reached from here."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

from appliance.cli.findings import Finding, failed, passed
from appliance.config import Settings

_SECONDS: Final = 3.0


def services(settings: Settings) -> list[Finding]:
    """A finding for each address of each configured service, in the order of the configuration."""
    probes = list(_probes(settings))
    if not probes:
        return []
    with ThreadPoolExecutor(len(probes)) as pool:
        return list(pool.map(lambda probe: probe(), probes))


def _probes(settings: Settings) -> Iterator[Callable[[], Finding]]:
    for server in settings.kafka.bootstrap_servers if settings.kafka is not None else ():
        host, _, port = server.rpartition(":")
        yield _tcp("kafka", host, int(port), "kafka.bootstrap_servers")
    if settings.redis is not None:
        yield _tcp("redis", settings.redis.host, settings.redis.port, "redis.host and redis.port")
    for url in settings.elasticsearch.hosts if settings.elasticsearch is not None else ():
        yield _http("elasticsearch", url, "elasticsearch.hosts")
    if settings.postgresql is not None:
        postgres = settings.postgresql
        yield _tcp("postgresql", postgres.host, postgres.port, "postgresql.host and postgresql.port")


def _tcp(service: str, host: str, port: int, setting: str) -> Callable[[], Finding]:
    def probe() -> Finding:
        try:
            with socket.create_connection((host.strip("[]"), port), timeout=_SECONDS):
                return passed(service, f"{host}:{port} answers")
        except OSError as fault:
            return _unreachable(service, f"{host}:{port}", fault, setting)

    return probe


def _http(service: str, url: str, setting: str) -> Callable[[], Finding]:
    parts = urlsplit(url)
    # never the login that may stand before the host
    shown = f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"

    def probe() -> Finding:
        import httpx  # noqa: PLC0415 - only where a service speaks HTTP

        try:
            status = httpx.get(url, timeout=_SECONDS).status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            return _unreachable(service, shown, fault, setting)
        if status >= 500:
            return failed(service, f"{shown} answers {status}", "see the service's own log")
        return passed(service, f"{shown} answers")

    return probe


def _unreachable(service: str, address: str, fault: Exception, setting: str) -> Finding:
    reason = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    remedy = f"start it, correct {setting}, or take {service} out of the configuration"
    return failed(service, f"{address} can't be reached: {reason}", remedy)
