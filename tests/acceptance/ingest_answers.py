"""Events to send, and what is read off the answers."""

from __future__ import annotations

from typing import Any

from tests.acceptance.server import Answer

NDJSON = {"Content-Type": "application/x-ndjson"}


def event(**fields: Any) -> dict[str, Any]:
    return {"event_type": "page_view", "user_id": "u1", **fields}


def codes(answer: Answer) -> list[tuple[int, str, str | None]]:
    return [(fault["index"], fault["code"], fault["field"]) for fault in answer.json()["rejected"]]


def assert_problem(answer: Answer, status: int, code: str) -> None:
    """RFC 9457 with the stable code."""
    assert (status, "application/problem+json") == (answer.status, answer.headers["content-type"]), answer.body
    problem = answer.json()
    assert (status, code) == (problem["status"], problem["code"])
    assert {"type", "title", "detail"} <= problem.keys()
