"""Where the mirrors are that a command works on: behind a running server, or in a data folder's control store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from appliance.access.audit import Audit
from appliance.access.principal import OWNER
from appliance.adapters.orders import rebuild_detail, start_of
from appliance.adapters.registry import configured
from appliance.adapters.supervisor import require
from appliance.cli.remote import Server
from appliance.clock import SystemClock
from appliance.config import Settings
from appliance.store.control import open_store
from appliance.store.mirrors import MirrorStore


class MirrorTarget(Protocol):
    """Mirrors, wherever they run. Every call blocks and may raise any ``ApplianceError``."""

    @property
    def running(self) -> bool:
        """Whether orders are carried out now; otherwise the next start does."""

    def list(self) -> list[dict[str, Any]]:
        """As ``GET /v1/mirrors``; of mirrors that don't run only what was noted is told."""

    def order(self, name: str, order: str, start: str | None = None) -> dict[str, Any]:
        """``pause``, ``resume`` or ``rebuild`` a mirror, the latter with what happened from ``start`` on."""


@dataclass(frozen=True, slots=True)
class RemoteMirrors:
    """Those of a running server."""

    server: Server
    running: bool = True

    def list(self) -> list[dict[str, Any]]:
        mirrors: list[dict[str, Any]] = self.server.ask("GET", "/v1/mirrors")["mirrors"]
        return mirrors

    def order(self, name: str, order: str, start: str | None = None) -> dict[str, Any]:
        body = None if order != "rebuild" else {} if start is None else {"from": start}
        return self.server.ask("POST", f"/v1/mirrors/{quote(name, safe='')}/{order}", body)


@dataclass(frozen=True, slots=True)
class LocalMirrors:
    """Those of a data folder that no server has open: orders are written down, and no target is asked."""

    names: tuple[str, ...]
    store: MirrorStore
    audit: Audit
    running: bool = False

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings) -> Iterator[LocalMirrors]:
        clock = SystemClock()
        with open_store(settings.server.data) as control:
            names = tuple(mirror.name for mirror in configured(settings))
            yield cls(names, MirrorStore(control, clock), Audit(control, clock))

    def list(self) -> list[dict[str, Any]]:
        return [self._plain(name) for name in self.names]

    def order(self, name: str, order: str, start: str | None = None) -> dict[str, Any]:
        require(name, self.names)
        start_us = start_of(start)
        if order == "rebuild":
            self.store.rebuild(name, start_us)
        else:
            self.store.pause(name, paused=order == "pause")
        self.audit.record(OWNER, f"mirror.{order}", name, rebuild_detail(start_us))
        return self._plain(name)

    def _plain(self, name: str) -> dict[str, Any]:
        orders, (kept, dropped) = self.store.orders(name), self.store.refusal_counts(name)
        return {
            "name": name,
            "status": "paused" if orders.paused else "not running",
            "error": None,
            "cursor": self.store.last_seen(name),
            "dead_letters": kept,
            "dead_letters_dropped": dropped,
            "rebuilding": orders.rebuild,
        }
