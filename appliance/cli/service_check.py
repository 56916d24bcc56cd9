"""Checks of the services that the configuration names: whether they can be reached from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from appliance.cli import mirror_check
from appliance.cli.check_elasticsearch import elasticsearch
from appliance.cli.findings import Finding, failed, passed, warned
from appliance.config import Settings
from appliance.config.kafka import KafkaSettings
from appliance.errors import ApplianceError


def services(settings: Settings) -> list[Finding]:
    """A finding for each configured service, in the order of the configuration."""
    probes = list(_probes(settings))
    if not probes:
        return []
    with ThreadPoolExecutor(len(probes)) as pool:
        return list(pool.map(lambda probe: probe(), probes))


def _probes(settings: Settings) -> Iterator[Callable[[], Finding]]:
    if settings.kafka is not None:
        yield _kafka(settings.kafka)
    if settings.redis is not None:
        yield mirror_check.redis(settings.redis)
    if settings.elasticsearch is not None:
        yield elasticsearch(settings.elasticsearch)
    if settings.postgresql is not None:
        yield mirror_check.postgresql(settings.postgresql)


def _kafka(settings: KafkaSettings) -> Callable[[], Finding]:
    def probe() -> Finding:
        from appliance.ingest.kafka.check import look  # noqa: PLC0415 - only where Kafka is configured
        from appliance.ingest.kafka.words import quiet_library  # noqa: PLC0415

        try:
            with quiet_library():
                found = look(settings)
        except ApplianceError as fault:
            remedy = "start it, correct kafka.bootstrap_servers, or take kafka out of the configuration"
            return failed("kafka", fault.message, remedy)
        if found.missing:
            remedy = "make them, or take them out of kafka.topics; they are read as soon as they are there"
            return warned("kafka", f"these topics do not exist: {', '.join(found.missing)}", remedy)
        return passed("kafka", f"{len(found.partitions)} topics, {sum(found.partitions.values())} partitions")

    return probe
