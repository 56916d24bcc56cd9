"""The process itself, beside what the Prometheus client reads of every process (``process_…``)."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator

import duckdb
from prometheus_client.core import GaugeMetricFamily, Metric

from appliance import __version__
from appliance.api.parts import Parts


def metrics(parts: Parts) -> Iterator[Metric]:
    build = GaugeMetricFamily(
        "appliance_build_info", "Always 1; which versions run.", labels=["version", "python", "duckdb"]
    )
    build.add_metric([__version__, platform.python_version(), duckdb.__version__], 1)
    yield build
    yield GaugeMetricFamily("appliance_threads", "Threads of Python.", value=threading.active_count())
    yield GaugeMetricFamily(
        "appliance_ready", "1 while the appliance takes traffic, as `/ready` says.", value=float(not parts.readiness())
    )
