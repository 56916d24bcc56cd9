"""The appliance's own metrics in the Prometheus text format, read from the parts' counters at each scrape.

Nothing here asks DuckDB or SQLite. Labels take values that the code knows, never what a caller sent. Each metric is
made with its name and meaning as literals: the documentation's table is read from the source.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from appliance.api.exposition import access, events, followers, kafka, process, reading, storage, traffic
from appliance.api.parts import Parts

SECTIONS = (events, kafka, traffic, reading, access, followers, storage, process)
"""The modules that read the metrics, in the order of the page."""


def exposition(parts: Parts) -> bytes:
    """All metrics of this process as text. Looks at files of the data folder: not for the event loop."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reading(parts))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Reading(Collector):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        for section in SECTIONS:
            yield from section.metrics(self._parts)
