"""Those who wait for a group commit, and how its outcome reaches them: in their thread or in their event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from appliance.errors import ApplianceError
from appliance.log.protocol import Batch, Receipt

_logger = structlog.get_logger(__name__)

Outcome = Receipt | ApplianceError


@dataclass(slots=True)
class Waiting:
    """A batch, and the future in which its sender awaits what becomes of it."""

    batch: Batch
    future: Future[Receipt] | asyncio.Future[Receipt]
    loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def in_thread(cls, batch: Batch) -> tuple[Waiting, Future[Receipt]]:
        """For a sender that blocks. What was handed over can't be taken back, so the future can't be cancelled."""
        future: Future[Receipt] = Future()
        future.set_running_or_notify_cancel()
        return cls(batch, future), future

    @classmethod
    def in_loop(cls, batch: Batch) -> tuple[Waiting, asyncio.Future[Receipt]]:
        """For a coroutine of the running loop, which may go away meanwhile."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Receipt] = loop.create_future()
        return cls(batch, future, loop), future


def resolve(group: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
    """Tell each of the group its outcome; each event loop is called once. Never raises."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Receipt], Outcome]]] = {}
    for waiting, outcome in zip(group, outcomes, strict=True):
        if waiting.loop is None:
            _settle(waiting.future, outcome)
        else:
            by_loop.setdefault(waiting.loop, []).append((waiting.future, outcome))  # type: ignore[arg-type]
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, settled)
        except RuntimeError:  # the loop has ended, and nobody waits any more
            _logger.debug("the outcome of a commit found its loop closed")


def _settle_all(settled: list[tuple[asyncio.Future[Receipt], Outcome]]) -> None:
    for future, outcome in settled:
        if not future.done():  # the request may have gone away meanwhile
            _settle(future, outcome)


def _settle(future: Future[Receipt] | asyncio.Future[Receipt], outcome: Outcome) -> None:
    if isinstance(outcome, Receipt):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
