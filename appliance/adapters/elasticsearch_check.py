"""A look at an Elasticsearch before anything is written to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from appliance.adapters.elasticsearch_connection import Connection, shown
from appliance.adapters.elasticsearch_indices import DailyIndices
from appliance.adapters.protocol import MirrorError, Misconfigured
from appliance.config.services import ElasticsearchSettings


@dataclass(frozen=True, slots=True)
class Found:
    """What is there; ``silent`` tells of nodes that could not be asked, and why."""

    version: str
    indices: int
    unfit: Sequence[str]
    """Daily indices of somebody else that the mirror will not write to."""
    silent: Sequence[str]


def look(settings: ElasticsearchSettings) -> Found:
    """Ask every node, and one of them for what is there; changes nothing. Raises ``MirrorError``."""
    versions: dict[str, str] = {}
    faults: dict[str, MirrorError] = {}
    for host in settings.hosts:
        try:
            with closing(Connection(settings.model_copy(update={"hosts": [host]}))) as connection:
                versions[host] = connection.check_version()
        except MirrorError as fault:
            faults[host] = fault
    wrong = next((fault for fault in faults.values() if isinstance(fault, Misconfigured)), None)
    if wrong is not None or not versions:
        raise wrong or next(iter(faults.values()))
    with closing(Connection(settings.model_copy(update={"hosts": list(versions)}))) as connection:
        indices = DailyIndices(settings, connection)
        indices.check_template()
        names = indices.names()
        mapped = indices.mappings(names)
    unfit = sorted(name for name, mapping in mapped.items() if mapping.unfit() is not None)
    silent = [f"{shown(host)}: {fault.message}" for host, fault in faults.items()]
    return Found(min(versions.values()), len(names), unfit, silent)
