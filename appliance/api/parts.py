"""What the API answers from: the running appliance's parts, as its routes see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from appliance.analytics.hub import SnapshotHub
from appliance.clock import Clock
from appliance.config import Settings
from appliance.ingest.http import HttpIngest
from appliance.jobs import JobState
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.query_pool import QueryPool
from appliance.log.writer import Writer


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts, made by ``appliance.app``; ``admin_token`` opens the internal routes to the command line."""

    settings: Settings
    clock: Clock
    log: DuckDBLog
    writer: Writer
    hub: SnapshotHub
    queries: QueryPool
    ingest: HttpIngest
    readiness: Callable[[], list[str]]
    """Reasons why no traffic may come now; empty when it may."""
    is_stopping: Callable[[], bool]
    viewers: Callable[[], int]
    job_states: Callable[[], Mapping[str, JobState]]
    rollup_lag: Callable[[], tuple[int, float]]
    """Events and seconds that the rollups are behind."""
    admin_token: str


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


WithParts = Annotated[Parts, Depends(_parts)]
