"""Requests to the API: how many of which kind, how long they took, and a log line where one failed or was slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from appliance.durations import Durations

_logger = structlog.get_logger(__name__)

SLOW_SECONDS: Final = 1.0
_LINE_EVERY_SECONDS: Final = 1.0
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(slots=True)
class _Sparing:
    """When a line of its kind was last written, and how many were passed over since."""

    written_at: float = float("-inf")
    passed_over: int = 0


@dataclass(slots=True)
class Traffic:
    """One event loop counts; any thread may read, of a copy. Memory is bounded by the routes there are."""

    monotonic: Callable[[], float]
    counts: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """Answers by route template, method and status."""
    durations: dict[str, Durations] = field(default_factory=dict)
    """Seconds until the answer began, by route template."""
    _lines: dict[tuple[str, str], _Sparing] = field(default_factory=dict)

    def answered(self, route: str, method: str, status: int, seconds: float, request_id: str) -> None:
        """Count an answer; ``route`` is the template (``/v1/users/{id}``) and never what somebody sent."""
        key = (route, method if method in _METHODS else "other", status)
        self.counts[key] = self.counts.get(key, 0) + 1
        if route not in self.durations:
            self.durations[route] = Durations()
        self.durations[route].add(seconds)
        if status >= 500:
            self._tell("a request failed", route, method, status, seconds, request_id)
        elif seconds > SLOW_SECONDS:
            self._tell("a request was slow", route, method, status, seconds, request_id)

    def _tell(self, event: str, route: str, method: str, status: int, seconds: float, request_id: str) -> None:
        """Write one line a second at most of each kind: a server in trouble has better things to do."""
        sparing = self._lines.setdefault((event, route), _Sparing())
        now = self.monotonic()
        if now - sparing.written_at < _LINE_EVERY_SECONDS:
            sparing.passed_over += 1
            return
        _logger.warning(
            event,
            request_id=request_id,
            method=method,
            route=route,
            status=status,
            seconds=round(seconds, 4),
            passed_over=sparing.passed_over,
        )
        sparing.written_at, sparing.passed_over = now, 0
