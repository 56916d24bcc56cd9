"""What the API answers from: the running appliance's parts, as its routes see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from appliance.access.audit import Audit
from appliance.access.door import Shown
from appliance.access.principal import Principal
from appliance.access.sessions import at
from appliance.access.setup import Access
from appliance.adapters.supervisor import Mirrors
from appliance.analytics.hub import SnapshotHub
from appliance.api.exports import Exports
from appliance.clock import Clock
from appliance.config import Settings
from appliance.ingest.http import HttpIngest
from appliance.ingest.kafka.consumer import KafkaIngest
from appliance.jobs import JobState
from appliance.log.duckdb_log import DuckDBLog
from appliance.log.query_pool import QueryPool
from appliance.log.writer import Writer
from appliance.query.pool import SqlPool


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts, made by ``appliance.app``; ``admin_token`` opens the internal routes to the command line."""

    settings: Settings
    clock: Clock
    log: DuckDBLog
    writer: Writer
    hub: SnapshotHub
    queries: QueryPool
    sql: SqlPool
    ingest: HttpIngest
    exports: Exports
    readiness: Callable[[], list[str]]
    """Reasons why no traffic may come now; empty when it may."""
    is_stopping: Callable[[], bool]
    viewers: Callable[[], int]
    job_states: Callable[[], Mapping[str, JobState]]
    rollup_lag: Callable[[], tuple[int, float]]
    """Events and seconds that the rollups are behind."""
    mirrors: Mirrors
    access: Access
    admin_token: str
    kafka: KafkaIngest | None = None
    """Reads Kafka, where that is configured."""

    @property
    def audit(self) -> Audit:
        """Where administrative actions are written down. Blocks: not for the event loop."""
        return self.access.audit


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _principal(request: Request) -> Principal:
    """The caller, and from where; the gate has let nobody in whom it doesn't know."""
    principal: Principal = request.scope["principal"]
    peer = request.client.host if request.client is not None else ""
    forwarded_for = ",".join(request.headers.getlist("x-forwarded-for"))
    return at(principal, _parts(request).access.door.address(Shown(peer, forwarded_for=forwarded_for)))


WithParts = Annotated[Parts, Depends(_parts)]
WithPrincipal = Annotated[Principal, Depends(_principal)]
