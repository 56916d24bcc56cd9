"""What the dashboard's tests ask of a real appliance: its viewers, its stream, events to look at."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from appliance.clock import HOUR_US, SystemClock, iso
from tests.process import ApplianceProcess

LIMIT_SECONDS = 10.0


def api(appliance: ApplianceProcess, path: str) -> str:
    return f"http://127.0.0.1:{appliance.port}{path}"


def wait_until(condition: Callable[[], bool], what: str, seconds: float = LIMIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def start(appliance: ApplianceProcess) -> None:
    """Start it, and return when both listeners answer."""
    appliance.start()
    appliance.wait_ready()
    wait_until(lambda: _ui_answers(appliance), "the dashboard answers", 60)


def _ui_answers(appliance: ApplianceProcess) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{appliance.ui_port}/health").status_code == 200
    except httpx.TransportError:
        return False


def post(appliance: ApplianceProcess, events: list[dict[str, Any]], key: str = "") -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = httpx.post(api(appliance, "/v1/events"), json=events, headers=headers)
    assert (202, len(events)) == (answer.status_code, answer.json().get("accepted")), answer.text


def a_day_of_events(person: str = "user") -> list[dict[str, Any]]:
    """A few mails, opens, clicks and conversions of two campaigns in each of the last 24 hours."""
    now_us = SystemClock().now_us()
    types = ["email_sent", "email_sent", "email_sent", "email_opened", "email_clicked", "conversion"]
    return [
        {
            "event_type": event_type,
            "user_id": f"{person}-{(hour * 5 + i) % 31 if i > 2 else hour * 3 + i}",
            "campaign_id": "welcome" if hour % 3 else "digest",
            "timestamp": iso(now_us - hour * HOUR_US - i * 1_000_000),
            "properties": {"revenue": f"{hour + 10}.25", "currency": "EUR" if hour == 7 else "USD"},
        }
        for hour in range(30)
        for i, event_type in enumerate(types)
    ]


def viewers(appliance: ApplianceProcess) -> int:
    """The gauge ``appliance_dashboard_viewers`` of ``/metrics``."""
    families = text_string_to_metric_families(httpx.get(api(appliance, "/metrics")).text)
    return next(int(family.samples[0].value) for family in families if family.name == "appliance_dashboard_viewers")


def glimpse(appliance: ApplianceProcess) -> int:
    """The version of the snapshot that a new listener of ``/v1/stream`` gets first, which is the latest until then."""
    with httpx.stream("GET", api(appliance, "/v1/stream"), timeout=LIMIT_SECONDS) as answer:
        return next(_snapshots(answer))["version"]  # type: ignore[no-any-return]


@contextmanager
def streamed(appliance: ApplianceProcess) -> Iterator[dict[int, dict[str, Any]]]:
    """The snapshots of ``/v1/stream`` by version; the dictionary grows while the block runs."""
    known: dict[int, dict[str, Any]] = {}
    stopping = threading.Event()

    def read() -> None:
        with httpx.stream("GET", api(appliance, "/v1/stream"), timeout=60) as answer:
            for snapshot in _snapshots(answer):
                known[snapshot["version"]] = snapshot
                if stopping.is_set():
                    return

    reader = threading.Thread(target=read, name="stream")
    reader.start()
    try:
        yield known
    finally:
        stopping.set()
        reader.join()


def _snapshots(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    event = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: ") and event == "snapshot":
            yield json.loads(line.removeprefix("data: "))
