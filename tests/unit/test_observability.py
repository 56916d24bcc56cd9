"""Logging never stops who logs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TextIO, cast

import structlog

from appliance.observability import _Lossy


def test_a_log_that_cannot_be_written_is_dropped() -> None:
    """On a full disk the line is lost, and nothing raises."""
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - what wraps it closes it
    text = io.TextIOWrapper(full, write_through=True)
    logger = structlog.PrintLogger(cast("TextIO", _Lossy(text)))
    logger.msg("x" * 100_000)
    logger.msg("again")
    full.close()
