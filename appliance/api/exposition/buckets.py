"""Our histograms as the Prometheus client takes them."""

from __future__ import annotations

from prometheus_client.utils import floatToGoString

from appliance.durations import Durations


def buckets(durations: Durations) -> list[tuple[str, float]]:
    """Upper bounds as text, each with the count of all that lies below."""
    return [(floatToGoString(bound), count) for bound, count in durations.cumulative()]  # type: ignore[no-untyped-call]
