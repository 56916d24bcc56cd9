"""Signing in at the dashboard with a key, and signing out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.access.audit import REFUSED, Audit
from appliance.access.door import Forbidden, RateLimited
from appliance.access.forwarding import client_address, is_tls, limited_name
from appliance.access.guard import Network
from appliance.access.principal import Principal
from appliance.access.rate_limits import RateLimiter
from appliance.access.sessions import Sessions, at


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the dashboard needs of access. ``failures`` belongs to the dashboard's loop alone."""

    sessions: Sessions
    audit: Audit
    failures: RateLimiter
    trusted_proxies: Sequence[Network] = ()

    def address(self, peer: str, forwarded_for: str) -> str:
        return client_address(peer, forwarded_for, self.trusted_proxies)

    def is_tls(self, peer: str, forwarded_proto: str) -> bool:
        return is_tls(peer, forwarded_proto, self.trusted_proxies)

    def check_pace(self, address: str) -> None:
        """Raise ``RateLimited`` for an address that has tried too many wrong keys; call it in the loop."""
        wait = self.failures.wait(limited_name(address))
        if wait:
            raise RateLimited("too many wrong keys from this address", wait)

    def count_failure(self, address: str) -> None:
        """Count a key that opened nothing; call it in the loop."""
        self.failures.count(limited_name(address))

    def open(self, key: str, address: str) -> str | None:
        """The token of a new session, ``None`` for a wrong key. Blocks for SQLite.

        Raises ``Forbidden`` for a key that may not read.
        """
        token = self.sessions.open(key)
        principal = self.sessions.principal(token) if token is not None else None
        if token is None or principal is None:
            self.audit.record(Principal("unknown", frozenset(), address), REFUSED, "dashboard")
            if self.sessions.knows(key):
                raise Forbidden("this key may send events, but not see figures")
            return None
        self.audit.record(at(principal, address), "sign_in", "dashboard")
        return token

    def close(self, token: str, address: str) -> None:
        """End a session. Blocks for SQLite."""
        principal = self.sessions.principal(token)
        self.sessions.close(token)
        if principal is not None:
            self.audit.record(at(principal, address), "sign_out", "dashboard")
