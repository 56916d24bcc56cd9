"""Verifying and rebuilding by the settings in force, with answers that can be sent and printed."""

from __future__ import annotations

from typing import Any

import msgspec

from appliance.clock import DAY_US, Clock
from appliance.config import Settings
from appliance.rollups.follower import Readable, Runner
from appliance.rollups.rebuild import rebuild
from appliance.rollups.report import Progress, silent
from appliance.rollups.verify import verify

Answer = dict[str, Any]


def verify_log(log: Readable, progress: Progress = silent) -> Answer:
    """``{"ok", "events", "behind", "total", "checks": {check: differences}, "differences": [{"check", "key",
    "expected", "found"}]}``; of the differences the first are listed. Blocks, and raises what the log raises.
    """
    report = verify(log, progress=progress)
    plain: Answer = msgspec.to_builtins(report, enc_hook=str)
    return {"ok": report.ok, "total": report.total, **plain}


def rebuild_rollups(
    log: Readable, writer: Runner, settings: Settings, clock: Clock, progress: Progress = silent
) -> Answer:
    """``{"events", "first_times_corrected"}``. Blocks; never in the writer's thread."""
    rebuilt = rebuild(
        log,
        writer,
        levels=settings.metrics.aggregation_levels,
        minute_horizon_us=clock.now_us() - settings.metrics.retention_period * DAY_US,
        progress=progress,
    )
    answer: Answer = msgspec.to_builtins(rebuilt)
    return answer
