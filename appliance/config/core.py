"""Settings of the appliance itself: listeners, event log, ways in, figures and rollups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from appliance.config.types import (
    AccessKey,
    ByteSize,
    Count,
    CurrencyCode,
    ListenPort,
    Network,
    PathText,
    Rate,
    Seconds,
    Section,
    Text,
    ZoneName,
)

_MIB = 1024 * 1024


class ServerSettings(Section):
    """The two listeners, the data folder and who may call."""

    host: Text = Field(default="127.0.0.1", description="Address that both listeners bind to.")
    port: ListenPort = Field(default=8080, description="TCP port of the API and ingest; 0 takes any free one.")
    ui_port: ListenPort = Field(default=8501, description="TCP port of the dashboard; 0 takes any free one.")
    data: PathText = Field(
        default=Path("var"), description="Data folder, made when missing; relative to the working folder."
    )
    auth: Literal["auto", "keys", "open"] = Field(
        default="auto", description="Whether callers need a key; `auto`: open on a loopback address, keys on any other."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="From which level on lines are logged, on standard error."
    )
    access_log: bool = Field(default=False, description="Whether each request to the API is logged, in a line.")
    trusted_proxies: list[Network] = Field(
        default=[], description="Proxies whose `Forwarded` and `X-Forwarded-*` headers are believed."
    )
    admin_key: AccessKey | None = Field(
        default=None, description="Key with the scope `admin`, instead of one made on the first start in key mode."
    )
    write_key: AccessKey | None = Field(
        default=None, description="Key with the scope `write`, instead of one made on the first start in key mode."
    )
    session_hours: Count = Field(default=168, description="Hours that a sign-in at the dashboard lasts.")
    requests_per_second_per_key: Rate = Field(
        default=0, description="Requests a second that one key may send on average, 429 beyond; 0 sets no limit."
    )
    requests_per_second_per_address: Rate = Field(
        default=0, description="Requests a second that one address may send on average, 429 beyond; 0 sets no limit."
    )
    failed_keys_per_minute: Count = Field(
        default=10,
        description="Wrong keys a minute from one address, 429 beyond; "
        "the API lets right ones in all the same, the sign-in page does not.",
    )
    max_connections: Count = Field(
        default=4_096,
        description="Connections to the API at once, 503 beyond; fewer where the process may not open so many files.",
    )
    max_header_bytes: Count = Field(default=32 * 1024, description="Bytes of a request's headers; more: 431.")
    header_timeout_seconds: Seconds = Field(
        default=10, description="Seconds that a request's headers may take in all, then 408."
    )
    idle_timeout_seconds: Seconds = Field(
        default=75, description="Seconds that a connection may be silent between two requests before it is closed."
    )
    send_timeout_seconds: Seconds = Field(
        default=30, description="Seconds that a client may take nothing of its answer before it is cut off."
    )
    max_exports: Count = Field(default=2, description="Exports that may run at once, 503 beyond.")
    export_patience_seconds: Seconds = Field(
        default=60, description="Seconds that an export waits for its client to take 256 KiB more, then it is cut."
    )

    @model_validator(mode="after")
    def _two_keys(self) -> Self:
        if self.admin_key is not None and self.admin_key == self.write_key:
            raise ValueError("admin_key and write_key must not be the same")
        return self


class LogSettings(Section):
    """The event log: how long, how much, how often."""

    retention_days: Annotated[int, Field(ge=0)] = Field(
        default=395, description="Days that events are kept; 0 keeps them."
    )
    min_free_bytes: Annotated[int, Field(ge=0)] = Field(
        default=512 * _MIB, description="Free bytes in the data folder's file system below which events are refused."
    )
    checkpoint_wal_bytes: Count = Field(
        default=128 * _MIB, description="Bytes of write-ahead log at which the log is checkpointed."
    )
    memory_limit: ByteSize = Field(default="512MB", description="Memory that DuckDB may use, with its unit.")
    group_wait_ms: Annotated[float, Field(ge=0, le=1000)] = Field(
        default=4, description="Milliseconds that the writer waits for more when work is already queued."
    )
    group_max_events: Count = Field(
        default=10_000, description="Events after which a group is committed without waiting."
    )
    dedup_window_hours: Count = Field(default=24, description="Hours that event ids sent by clients are known.")
    dedup_max_ids: Count = Field(
        default=20_000_000, description="Event ids known at most, however short the window gets."
    )
    dedup_min_ids: Count = Field(
        default=2_000_000, description="Latest event ids that stay known even after the window."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.dedup_min_ids > self.dedup_max_ids:
            raise ValueError("dedup_min_ids must not be above dedup_max_ids")
        return self


class IngestSettings(Section):
    """Limits of what is taken in, and how long rejected events are kept."""

    max_wire_bytes: Count = Field(
        default=10 * _MIB, description="Bytes of a request's body as sent; more is answered 413."
    )
    max_inflated_bytes: Count = Field(default=64 * _MIB, description="Bytes of a body after decompression; more: 413.")
    max_events: Count = Field(default=50_000, description="Events in a request; more: 413.")
    max_properties_bytes: Count = Field(default=32_768, description="Bytes of an event's `properties` as sent.")
    max_depth: Count = Field(default=32, description="Levels that `properties` may nest, counting itself.")
    queue_bytes: Count = Field(
        default=128 * _MIB,
        description="Bytes undecoded or waiting for the writer; beyond it new bodies are answered 503.",
    )
    body_timeout_seconds: Seconds = Field(
        default=10, description="Seconds without a byte of an unfinished body, then 408."
    )
    body_total_seconds: Seconds = Field(default=60, description="Seconds that a body may take in all, then 408.")
    future_tolerance_seconds: Annotated[int, Field(ge=0)] = Field(
        default=600, description="Seconds that an event's timestamp may lie in the future."
    )
    dead_letter_max_rows: Count = Field(default=100_000, description="Dead letters kept; the oldest go first.")
    dead_letter_max_bytes: Count = Field(
        default=256 * _MIB, description="Bytes of dead letters' payloads kept; the oldest go first."
    )
    dead_letter_retention_days: Count = Field(default=30, description="Days that dead letters are kept.")


class AnalyticsSettings(Section):
    """How figures are read."""

    base_currency: CurrencyCode = Field(
        default="USD", description="ISO 4217 currency of the headline figures, and of amounts that name none."
    )
    timezone: ZoneName = Field(
        default="UTC", description="IANA zone of days, weeks and months where a request names none."
    )
    snapshot_interval_seconds: Seconds = Field(
        default=1, description="Seconds between two snapshots of the live figures."
    )


Level = Literal["realtime", "minute", "hour", "day"]


class MetricsSettings(Section):
    """The rollups."""

    calculation_interval: Count = Field(default=60, description="Seconds between two runs of the rollup job.")
    retention_period: Count = Field(default=30, description="Days that minute rollups are kept.")
    aggregation_levels: list[Level] = Field(
        default=["realtime", "minute", "hour", "day"],
        description="Rollups that are stored; the buckets of a missing one come from the log. "
        "`realtime` names the live figures, which are never stored.",
    )
