"""The appliance watched from outside: its metrics page, its readiness, its log."""

from __future__ import annotations

import json
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from appliance.api.reference import families
from tests.acceptance.conftest import StartServer
from tests.acceptance.server import Server

_ADMIN, _WRITE = "an-admin-key-of-thirty-characters", "a-write-key-of-thirty-characters"
_KEYS = {
    "APPLIANCE__SERVER__AUTH": "keys",
    "APPLIANCE__SERVER__ADMIN_KEY": _ADMIN,
    "APPLIANCE__SERVER__WRITE_KEY": _WRITE,
}
_UNITS = ("_seconds", "_bytes", "_total", "_info")
# They count things, and say in their names which.
_WITHOUT_UNIT = {
    "waiting_batches",
    "dead_letters",
    "dashboard_viewers",
    "sessions",
    "threads",
    "lag_events",
    "mirror_dead_letters",
    "exports_running",
    "sql_queries_running",
}
# They are 0 or 1.
_FLAGS = {"ready", "commit_failing", "job_failing", "job_running", "mirror_up", "kafka_up"}


def _scrape(server: Server, headers: Mapping[str, str] | None = None) -> dict[str, dict[tuple[str, ...], float]]:
    """Each sample's name, with its label values and its value."""
    answer = server.request("GET", "/metrics", headers=headers)
    assert 200 == answer.status
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_the_page_says_what_happened(shared_server: Server) -> None:
    """Events, commits, requests, dead letters and disk are counted; every metric on the page is documented."""
    before = _scrape(shared_server)
    event = {"event_type": "email_sent", "user_id": "u", "event_id": "watched"}
    assert 202 == shared_server.post([event, event, {"event_type": "email_sent"}]).status
    assert 404 == shared_server.request("GET", "/v1/metrics/nothing/series").status
    after = _scrape(shared_server)

    def grown(name: str, *labels: str) -> float:
        return after[name][labels] - before.get(name, {}).get(labels, 0)

    assert 1 == grown("appliance_events_total", "accepted", "http")
    assert 1 == grown("appliance_events_total", "duplicate", "http")
    assert 1 == grown("appliance_events_total", "rejected", "http")
    assert 1 == grown("appliance_rejected_events_total", "missing_field")
    assert 1 == grown("appliance_dead_letters")
    assert 1 == grown("appliance_commit_duration_seconds_count")
    assert 1 == grown("appliance_commit_duration_seconds_bucket", "+Inf")
    assert 1 == grown("appliance_http_requests_total", "POST", "/v1/events", "2xx")
    assert 1 == grown("appliance_http_requests_total", "GET", "/v1/metrics/{metric}/series", "4xx")
    assert 0 < after["appliance_disk_bytes"]["log",]
    assert 0 < after["process_resident_memory_bytes"][()]
    told = {family.name for family in families()} | {
        f"{family.name}_{part}"
        for family in families()
        for part in ("bucket", "count", "sum")
        if family.kind == "histogram"
    }
    assert set() == {name for name in after if not name.startswith("process_")} - told


def test_names_follow_the_conventions(shared_server: Server) -> None:
    """The page parses, and each name ends in its base unit, in `_total`, or says what it counts."""
    answer = shared_server.request("GET", "/metrics")
    text = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/plain")
    names = [family.name for family in families()]
    bare = {name.removeprefix("appliance_") for name in names if not name.endswith(_UNITS)}
    assert set() == bare - _WITHOUT_UNIT - _FLAGS
    assert all(family.name.endswith("_total") == (family.kind == "counter") for family in families())
    assert len(names) == len(set(names))
    assert [] != list(text_string_to_metric_families(text))


def test_what_callers_invent_does_not_grow_the_page(shared_server: Server) -> None:
    """Five hundred strange paths, types, methods and hosts later, the page has not one line more."""

    def strange(number: int) -> None:
        shared_server.post({"event_type": f"custom_{number}", "user_id": f"u{number}", "campaign_id": f"c{number}"})
        shared_server.post({"event_type": f"BAD {number}", "user_id": "u"})
        shared_server.post(b"{}", {"content-type": f"strange/{number}"})
        shared_server.request("GET", f"/strange/{number}")
        shared_server.request("GET", f"/v1/metrics/strange{number}/series")
        shared_server.request("PROPFIND", "/v1/events")
        shared_server.request("GET", "/health", headers={"host": f"strange{number}.example"})

    strange(0)
    first = len(shared_server.request("GET", "/metrics").body.splitlines())
    for number in range(1, 70):
        strange(number)
    assert first == len(shared_server.request("GET", "/metrics").body.splitlines())


def test_readiness_tells_strangers_the_status_alone(start_server: StartServer) -> None:
    """With keys, reasons and lags are for callers that may read; others learn whether it is ready."""
    server = start_server(_KEYS)

    def told(key: str | None) -> set[str]:
        answer = server.request("GET", "/ready", headers={"authorization": f"Bearer {key}"} if key else {})
        assert 200 == answer.status
        return set(answer.json())

    assert {"status"} == told(None) == told("wrong") == told(_WRITE)
    assert {"status", "reasons", "parts"} == told(_ADMIN)
    assert {("unauthorized",): 1.0} == {
        labels: value
        for labels, value in _scrape_after_refusal(server)["appliance_refused_callers_total"].items()
        if value
    }


def _scrape_after_refusal(server: Server) -> dict[str, dict[tuple[str, ...], float]]:
    assert 401 == server.request("GET", "/v1/metrics").status
    return _scrape(server, {"authorization": f"Bearer {_ADMIN}"})


def test_the_log_is_json_and_names_requests(start_server: StartServer) -> None:
    """Start, stop and, when asked for, each request are lines of JSON; a request's id is that of its answer."""
    server = start_server({"APPLIANCE__SERVER__ACCESS_LOG": "true"})
    mine = server.request("GET", "/v1/heatmap?days=0", headers={"x-request-id": "mine-1"})
    made = server.post({"event_type": "email_sent", "user_id": "u"})
    foreign = server.request("GET", "/health", headers={"host": "evil.example"})
    assert ["mine-1", 400, 202, 403] == [mine.headers["x-request-id"], mine.status, made.status, foreign.status]
    server.stop()

    text = (server.data.parent / "output.txt").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert {"API", "Dashboard"} == {line.split()[0] for line in text.splitlines() if not line.startswith("{")}
    by_id = {line["request_id"]: (line["route"], line["status"]) for line in lines if line["event"] == "request"}
    assert ("/v1/heatmap", 400) == by_id["mine-1"]
    assert ("/v1/events", 202) == by_id[made.headers["x-request-id"]]
    assert ("(none)", 403) == by_id[foreign.headers["x-request-id"]]
    started = next(line for line in lines if line["event"] == "started")
    assert (server.url, server.ui_url, "open") == (started["api"], started["dashboard"], started["mode"])
    assert ["stopping", "stopped"] == [line["event"] for line in lines[-2:]]


def test_the_log_is_quiet_by_default(server: Server) -> None:
    """Requests that succeed, and those that callers get wrong, leave no line."""
    assert 202 == server.post({"event_type": "email_sent", "user_id": "u"}).status
    assert 400 == server.post({"event_type": "email_sent"}).status
    assert 404 == server.request("GET", "/nothing").status
    server.stop()
    lines = (server.data.parent / "output.txt").read_text().splitlines()
    assert ["started", "stopping", "stopped"] == [json.loads(line)["event"] for line in lines if line.startswith("{")]
