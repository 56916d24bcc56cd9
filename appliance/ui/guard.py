"""The guard of ``appliance.access`` in front of every Tornado rule of the dashboard's listener."""

from __future__ import annotations

from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import RequestHandler

from appliance.access.guard import Guard


class Refused(Matcher):
    """Matches the requests that the guard refuses. As the first rule of an application it stands before all others."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        headers = request.headers
        reason = self._guard.refusal(
            headers.get("Host", ""),
            [*headers.get_list("Origin"), *headers.get_list("Sec-Websocket-Origin")],
            forwarded=any(name == "Forwarded" or name.startswith("X-Forwarded-") for name in headers),
            peer=request.remote_ip or "",
            forwarded_host=headers.get("X-Forwarded-Host", ""),
        )
        return None if reason is None else {"target_kwargs": {"reason": reason}}


class RefusalHandler(RequestHandler):
    """Answers what the guard refuses: 403, on a web socket's handshake also."""

    def initialize(self, reason: str) -> None:
        self._reason_text = reason

    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "application/problem+json")
        self.finish({"type": "about:blank", "title": "Forbidden", "status": 403, "detail": self._reason_text})
