"""Logging: one line an event, JSON for machines, no secrets, and it never stops who logs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

from appliance.observability import _Lossy

_LOGS = """
import logging, sys, threading, warnings
import structlog
from appliance.observability import configure_logging

configure_logging(sys.argv[1], ["geheim-und-lang"])
log = structlog.get_logger("appliance.some")
log.debug("detail")
log.info("happened", url="https://u:p4ss@host/", nested={"password": "geheim-und-lang"})
try:
    raise ValueError("wrong: geheim-und-lang")
except ValueError:
    log.exception("failed")
    logging.getLogger("uvicorn.error").error("theirs", exc_info=True)
logging.getLogger("apscheduler").info("running")
logging.getLogger("bokeh").warning("careful")
logging.getLogger("tornado.access").warning("403 GET /?who=ada")
warnings.warn("an old thing", UserWarning)
thread = threading.Thread(name="worker", target=lambda: 1 / 0)
thread.start()
thread.join()
"""


def _lines(level: str) -> list[dict[str, Any]]:
    done = subprocess.run([sys.executable, "-c", _LOGS, level], capture_output=True, text=True, timeout=60, check=True)
    assert "" == done.stdout
    assert "geheim" not in done.stderr
    assert "p4ss" not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_is_one_json_object() -> None:
    """Ours and the libraries', tracebacks, warnings and a thread's end: each a line with level and time, no secret."""
    lines = _lines("info")
    assert ["happened", "failed", "theirs", "careful"] == [line["event"] for line in lines[:4]]
    assert "an old thing" in lines[4]["event"]
    assert ("a thread failed", "worker") == (lines[5]["event"], lines[5]["thread"])
    assert 6 == len(lines)
    assert all({"level", "timestamp"} <= line.keys() for line in lines)
    assert ["uvicorn.error", "bokeh"] == [line["logger"] for line in lines[2:4]]
    assert "ValueError: wrong: ***" in lines[1]["exception"]
    assert "ZeroDivisionError" in lines[5]["exception"]
    assert {"password": "***"} == lines[0]["nested"]


def test_the_level_is_a_setting() -> None:
    """At `error` only failures are left, at `debug` libraries are heard too."""
    assert ["failed", "theirs", "a thread failed"] == [line["event"] for line in _lines("error")]
    assert {"detail", "running"} <= {line["event"] for line in _lines("debug")}


def test_a_log_that_cannot_be_written_is_dropped() -> None:
    """On a full disk the line is lost, and nothing raises."""
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - what wraps it closes it
    text = io.TextIOWrapper(full, write_through=True)
    logger = structlog.WriteLogger(cast("TextIO", _Lossy(text)))
    logger.msg("x" * 100_000)
    logger.msg("again")
    full.close()
