"""Room on the disk: what is free, and what the data folder takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance.api.parts import Parts
from appliance.errors import LogUnavailable
from appliance.log.database import FILE_NAME as LOG_FILE
from appliance.store.control import FILE_NAME as CONTROL_FILE


def metrics(parts: Parts) -> Iterator[Metric]:
    free = GaugeMetricFamily("appliance_disk_free_bytes", "Bytes free in the data folder's file system.", labels=[])
    with suppress(LogUnavailable):
        found = parts.log.space.free_bytes()
        if found is not None:
            free.add_metric([], found)
    yield free
    yield GaugeMetricFamily(
        "appliance_disk_min_free_bytes",
        "Free bytes below which events are refused.",
        value=parts.settings.log.min_free_bytes,
    )
    folder = parts.settings.server.data
    sizes = GaugeMetricFamily(
        "appliance_disk_bytes",
        "Bytes that the data folder takes: the log, its write-ahead log, the control store, room for queries.",
        labels=["file"],
    )
    sizes.add_metric(["log"], _size(folder / LOG_FILE))
    sizes.add_metric(["wal"], parts.log.wal_bytes())
    sizes.add_metric(["control"], sum(map(_size, folder.glob(f"{CONTROL_FILE}*"))))
    sizes.add_metric(["spill"], sum(map(_size, folder.glob("spill/*"))))
    yield sizes
    yield CounterMetricFamily("appliance_checkpoints", "Checkpoints of the log.", value=parts.writer.counts.checkpoints)


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
