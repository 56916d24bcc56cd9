"""Those who take part in a long run: senders of all kinds, readers, administrators, people at dashboards."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.bench.soak_session import Session
from tests.process import run_command

_PATHS = (
    "/v1/metrics",
    "/v1/metrics/email_open_rate/series",
    "/v1/metrics/revenue/series?interval=minute",
    "/v1/metrics/active_users/series?interval=day&timezone=Europe/Berlin",
    "/v1/metrics/total_sends/series?group_by=campaign_id",
    "/v1/activity?minutes=60",
    "/v1/heatmap?days=7",
    "/v1/dead-letters?limit=20",
    "/v1/audit",
    "/metrics",
    "/ready",
    "/openapi.json",
)
_QUERIES = (
    "select event_type, count(*) from events group by 1 order by 2 desc",
    "select date_trunc('minute', timestamp) as minute, count(distinct user_id) from events group by 1 order by 1",
    "select * from rollup_hour order by start desc limit 100",
)
_RUNAWAYS = (
    "select count(*) from events a, events b where a.user_id || b.user_id like '%x%'",
    "select sum(hash(a.properties || b.properties)) from events a, events b",
    "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
    "select * from events a, events b",
)


class Load:
    """Everybody at once on one server."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sent: list[dict[str, Any]] = []
        self._imports = 0

    async def run(self) -> None:
        """Until the session ends."""
        parts: list[tuple[float, Callable[[], Awaitable[object]]]] = [
            (0.05, self.send_one),
            (0.5, self.send_batch),
            (5, self.send_packed),
            (2, self.send_again),
            (3, self.send_late),
            (1, self.send_rubbish),
            (0.3, self.read_figures),
            (2, self.ask_sql),
            (15, self.run_away),
            (20, self.export),
            (45, self.import_file),
            (10, self.replay),
            (10, self.make_and_revoke_key),
            (4, self.visit),
        ]
        await asyncio.gather(*(self._session.again(seconds, work) for seconds, work in parts))

    async def send_one(self) -> None:
        await self._send("one event", self._session.events(1))

    async def send_batch(self) -> None:
        await self._send("a batch", self._session.events(50))

    async def send_late(self) -> None:
        await self._send("late events", self._session.events(20, age_seconds=40 * 3600))

    async def send_packed(self) -> None:
        events = self._session.events(200)
        body = gzip.compress(b"\n".join(json.dumps(event).encode() for event in events))
        headers = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
        answer = await self._session.ask("packed lines", "POST", "/v1/events", (202,), content=body, headers=headers)
        self._promise("packed lines", answer, events)

    async def send_again(self) -> None:
        """Each is known by now, and stored no second time."""
        events = self._sent[-30:]
        if events:
            answer = await self._session.ask("the same again", "POST", "/v1/events", (202,), json=events)
            if answer.status_code == 202 and answer.json()["duplicates"] != len(events):
                self._session.find(f"the same again: {answer.text[:200]}")

    async def send_rubbish(self) -> None:
        """Events that lack something, beside one that doesn't; and a body that is none."""
        good = self._session.events(1)
        bad = self._session.events(3)
        for event in bad:
            del event["user_id"]
        answer = await self._session.ask("good and bad", "POST", "/v1/events", (202,), json=[*bad, *good])
        if answer.status_code == 202:
            self._session.promised(good)
        await self._session.ask("no JSON", "POST", "/v1/events", (400,), content=b'{"event_type":')

    async def read_figures(self) -> None:
        await self._session.ask("figures", "GET", self._session.rng.choice(_PATHS))

    async def ask_sql(self) -> None:
        await self._session.ask("SQL", "POST", "/v1/query", json={"sql": self._session.rng.choice(_QUERIES)})

    async def run_away(self) -> None:
        """They end by their bounds: refused, cut short, or over time."""
        sql = self._session.rng.choice(_RUNAWAYS)
        await self._session.ask("runaway SQL", "POST", "/v1/query", (200, 400, 504), json={"sql": sql}, timeout=60)

    async def export(self) -> None:
        kind = self._session.rng.choice(["parquet", "csv", "ndjson"])
        since = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
        await self._session.ask("export", "GET", "/v1/export", params={"format": kind, "from": since}, timeout=120)

    async def import_file(self) -> None:
        """By the command, as people do it, beside the running server."""
        self._imports += 1
        events = self._session.events(500, age_seconds=86_400)
        path = self._session.folder / f"import-{self._imports}.ndjson"
        path.write_text("\n".join(map(json.dumps, events)) + "\n")
        done = await asyncio.to_thread(run_command, "import", str(path), "--data", str(self._session.appliance.data))
        path.unlink()
        if done.returncode == 0:
            self._session.promised(events)
        else:
            self._session.find(f"import: exit {done.returncode}: {done.stderr[:300]}")

    async def replay(self) -> None:
        """Mend some of what was refused, and send it once more."""
        found = await self._session.ask("dead letters", "GET", "/v1/dead-letters?limit=10&code=missing_field")
        letters = found.json()["dead_letters"]
        mended = [{"id": one["id"], "event": json.loads(one["payload"]) | {"user_id": "mended"}} for one in letters]
        if mended:
            answer = await self._session.ask(
                "replay", "POST", "/v1/dead-letters/replay", (202,), json={"events": mended}
            )
            if answer.status_code == 202 and not answer.json()["rejected"]:
                self._session.promised([one["event"] for one in mended])

    async def make_and_revoke_key(self) -> None:
        made = await self._session.ask("a key", "POST", "/v1/keys", (201,), json={"scopes": ["read"], "name": "soak"})
        if made.status_code == 201:
            await self._session.ask("a key revoked", "DELETE", f"/v1/keys/{made.json()['id']}")

    async def visit(self) -> None:
        """Somebody opens a dashboard, looks for a few seconds, and leaves."""
        origin = f"http://127.0.0.1:{self._session.appliance.ui_port}"
        async with AsyncExitStack() as stack:
            browser = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
            (await browser.get(f"{origin}/", follow_redirects=True)).raise_for_status()
            address = f"{origin.replace('http', 'ws')}/live"
            live = await stack.enter_async_context(connect(address, origin=origin, max_size=None))  # type: ignore[arg-type]
            for _ in range(3):
                await asyncio.wait_for(live.recv(), 30)

    async def _send(self, what: str, events: list[dict[str, Any]]) -> None:
        body: Any = events[0] if len(events) == 1 else events
        answer = await self._session.ask(what, "POST", "/v1/events", (202,), json=body)
        self._promise(what, answer, events)

    def _promise(self, what: str, answer: httpx.Response, events: list[dict[str, Any]]) -> None:
        if answer.status_code != 202:
            return
        if answer.json()["accepted"] != len(events):
            self._session.find(f"{what}: {answer.text[:200]}")
        self._session.promised(events)
        self._sent = [*self._sent[-200:], *events]


async def settle(session: Session) -> None:
    """Wait until the rollups have counted what came, for a minute at most."""
    until = time.monotonic() + 75
    while time.monotonic() < until:
        if (await session.client.get("/ready")).json()["parts"]["rollups"]["lag_events"] == 0:
            return
        await asyncio.sleep(1)
    session.find("the rollups have not caught up within 75 s of quiet")
