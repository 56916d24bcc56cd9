"""Settings of read-only SQL."""

from __future__ import annotations

from pydantic import Field

from appliance.config.types import ByteSize, Count, Seconds, Section


class QuerySettings(Section):
    """Read-only SQL, `POST /v1/query`: how much a query may take."""

    timeout_seconds: Seconds = Field(default=10, description="Seconds that a query may run, then 504.")
    max_rows: Count = Field(default=10_000, description="Rows of an answer; more are cut off.")
    max_bytes: Count = Field(default=10 * 1024 * 1024, description="Bytes of an answer's rows; more are cut off.")
    memory_limit: ByteSize = Field(
        default="192MB",
        description="Memory that queries may take, of that in `log.memory_limit`, with its unit; beyond it they end.",
    )
    concurrency: Count = Field(
        default=2,
        description="Queries whose rows are read at once, each in a thread of low priority; four times as "
        "many may wait, then 503.",
    )
