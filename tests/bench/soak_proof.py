"""What has to be true after a long run: nothing promised is missing, nothing is there twice, all figures hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from appliance.events.timestamps import instant_us
from tests.bench.soak_session import Session
from tests.process import run_command
from tests.unit.analytics import reference

_EVENTS = """
SELECT event_type, user_id, epoch_us("timestamp"), session_id, campaign_id, CAST(amount * 10000 AS BIGINT), currency,
    label
FROM events ORDER BY seq
"""


async def figures(session: Session) -> dict[str, Any]:
    """What the server says at the end, to be compared when it has stopped."""
    told: dict[str, Any] = (await session.ask("figures at the end", "GET", "/v1/metrics")).json()
    return told


def verified(data: Path) -> Iterator[str]:
    """`appliance verify`, which shares no code with what it checks."""
    done = run_command("verify", "--data", str(data), "--json")
    if done.returncode != 0:
        yield f"verify: exit {done.returncode}: {(done.stdout + done.stderr)[:1_000]}"


def stored_once(data: Path, acknowledged: set[int]) -> Iterator[str]:
    """Every event that was acknowledged is in the log of the stopped server, once, and no other is."""
    with duckdb.connect(str(data / "events.duckdb"), read_only=True) as log:
        ids = [found.int for (found,) in log.execute("SELECT event_id FROM events").fetchall()]
    stored = set(ids)
    if len(ids) != len(stored):
        yield f"{len(ids) - len(stored):,} events are stored twice"
    if missing := acknowledged - stored:
        yield f"{len(missing):,} acknowledged events are missing"
    if surplus := stored - acknowledged:
        yield f"{len(surplus):,} events are stored that nobody was promised"


def recomputed(data: Path, told: dict[str, Any]) -> Iterator[str]:
    """The figures equal loops over plain events."""
    with duckdb.connect(str(data / "events.duckdb"), read_only=True) as log:
        log.execute("SET TimeZone = 'UTC'")
        history = [
            reference.Event(kind, user, at, session, campaign, amount, currency, label)
            for kind, user, at, session, campaign, amount, currency, label in log.execute(_EVENTS).fetchall()
        ]
    expected = reference.metrics(history, instant_us(told["as_of"]), "USD")
    for name, metric in told["metrics"].items():
        if expected[name] != metric["value"]:
            yield f"{name} is {json.dumps(metric['value'])}, a recomputation gives {json.dumps(expected[name])}"
