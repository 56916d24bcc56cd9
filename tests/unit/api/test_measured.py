"""What stands around the routes: counting, and an answer for what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from appliance.api.measured import Measured
from appliance.testing import SettableClock
from appliance.traffic import Traffic


def _application(clock: SettableClock) -> FastAPI:
    routes = FastAPI()

    @routes.get("/people/{name}")
    async def person(name: str) -> str:
        clock.advance(0.25)
        structlog.get_logger().info("looked")
        return name

    @routes.get("/broken")
    async def broken() -> str:
        raise RuntimeError("no luck")

    @routes.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> Any:
            yield b"one"
            clock.advance(100)
            raise RuntimeError("cut")

        return StreamingResponse(pieces())

    return routes


def _ask(measured: Callable[..., Any], path: str) -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": []}
    scope |= {"query_string": b"", "root_path": "", "request_id": "r1", "http_version": "1.1", "scheme": "http"}
    asyncio.run(measured(scope, receive, send))
    return sent


def test_requests_are_counted_by_template() -> None:
    """A thousand addresses make two routes: the template, and one for all that there isn't."""
    clock = SettableClock()
    traffic = Traffic(clock.monotonic)
    measured = Measured(_application(clock), traffic)
    for number in range(100):
        _ask(measured, f"/people/p{number}")
        _ask(measured, f"/nowhere/{number}")
    assert {("/people/{name}", "GET", 200): 100, ("(none)", "GET", 404): 100} == traffic.counts
    assert 25.0 == traffic.durations["/people/{name}"].seconds


def test_lines_of_a_request_hold_its_id() -> None:
    """What a route logs carries the request's id, and what is logged after it does not."""
    clock = SettableClock()
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        _ask(Measured(_application(clock), Traffic(clock.monotonic)), "/people/p")
        structlog.get_logger().info("later")
    assert [("looked", "r1"), ("later", None)] == [(line["event"], line.get("request_id")) for line in lines]


def test_a_route_that_fails_is_told_once() -> None:
    """The caller gets 500, the log a line with the traceback, and nothing is raised for the server to log again."""
    clock = SettableClock()
    traffic = Traffic(clock.monotonic)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        sent = _ask(Measured(_application(clock), traffic), "/broken")
    assert [500] == [message["status"] for message in sent if "status" in message]
    assert [("a route failed", "/broken", "r1"), ("a request failed", "/broken", "r1")] == [
        (line["event"], line["route"], line["request_id"]) for line in lines
    ]
    assert {("/broken", "GET", 500): 1} == traffic.counts


def test_a_stream_that_fails_is_cut() -> None:
    """The answer's end is missing, so that the server closes the connection; its duration is that of its beginning."""
    clock = SettableClock()
    traffic = Traffic(clock.monotonic)
    with capture_logs():
        sent = _ask(Measured(_application(clock), traffic), "/stream")
    assert [b"one"] == [message["body"] for message in sent if message.get("body")]
    assert all(message.get("more_body", True) for message in sent)
    assert 0.0 == traffic.durations["/stream"].seconds
