"""Where the keys are that a command works on: behind a running server, or in a data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from appliance.access.audit import Audit
from appliance.access.key_management import NewKey, make_key, plain_key, revoke_key
from appliance.access.keyring import Keyring
from appliance.access.principal import OWNER
from appliance.access.setup import configured_keys
from appliance.cli.remote import Server
from appliance.clock import Clock, SystemClock
from appliance.config import Settings
from appliance.errors import BadArgument
from appliance.store.control import open_store


class KeyTarget(Protocol):
    """Keys as the API shows them, wherever they are. Every call blocks and may raise any ``ApplianceError``."""

    def create_key(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """As ``POST /v1/keys``."""

    def list_keys(self) -> list[dict[str, Any]]:
        """As ``GET /v1/keys``."""

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        """As ``DELETE /v1/keys/{id}``."""


@dataclass(frozen=True, slots=True)
class RemoteKeys:
    """Those of a running server."""

    server: Server

    def create_key(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return self.server.ask("POST", "/v1/keys", wanted)

    def list_keys(self) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = self.server.ask("GET", "/v1/keys")["keys"]
        return keys

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        return self.server.ask("DELETE", f"/v1/keys/{quote(key_id, safe='')}")


@dataclass(frozen=True, slots=True)
class LocalKeys:
    """Those of a data folder that no server has open."""

    keyring: Keyring
    audit: Audit
    clock: Clock

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings) -> Iterator[LocalKeys]:
        clock = SystemClock()
        settings.server.data.mkdir(parents=True, exist_ok=True)
        with open_store(settings.server.data) as store:
            yield cls(Keyring(store, clock, configured_keys(settings)), Audit(store, clock), clock)

    def create_key(self, wanted: dict[str, Any]) -> dict[str, Any]:
        try:
            asked = msgspec.convert(wanted, NewKey)
        except msgspec.ValidationError as fault:
            raise BadArgument(str(fault)) from fault
        return make_key(self.keyring, self.audit, OWNER, asked, self.clock.now_us())

    def list_keys(self) -> list[dict[str, Any]]:
        return [plain_key(key, self.clock.now_us()) for key in self.keyring.list()]

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        return revoke_key(self.keyring, self.audit, OWNER, key_id, self.clock.now_us())
