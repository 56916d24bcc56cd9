"""Access put together from the settings in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from appliance.access.audit import Audit
from appliance.access.door import Door
from appliance.access.first_keys import show_first_keys
from appliance.access.guard import is_loopback
from appliance.access.keyring import Keyring
from appliance.access.principal import Scope
from appliance.access.rate_limits import RateLimiter
from appliance.access.sessions import Sessions, end_sessions_of_changed_keys
from appliance.access.sign_in import SignIn
from appliance.clock import Clock
from appliance.config import Settings
from appliance.store.control import ControlStore

_MINUTE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that decides who may do what, and remembers who did."""

    open_mode: bool
    keyring: Keyring
    sessions: Sessions
    audit: Audit
    door: Door
    sign_in: SignIn

    def tend(self) -> None:
        """Take notice of keys that another process changed, write down uses, and let go of old sessions."""
        self.keyring.reload()
        self.keyring.keep_uses()
        self.sessions.sweep()


def make_access(settings: Settings, store: ControlStore, clock: Clock, owner_token: str) -> Access:
    """``owner_token`` is what ``server.json`` tells the command line on this machine."""
    server = settings.server
    keyring = Keyring(store, clock, configured_keys(settings))
    end_sessions_of_changed_keys(store, configured_keys(settings))
    sessions = Sessions(store, keyring, clock, hours=server.session_hours)
    audit = Audit(store, clock)
    proxies = tuple(server.trusted_proxies)
    open_mode = is_open(settings)
    door = Door(
        keyring,
        sessions,
        owner_token,
        open_mode,
        proxies,
        per_key=_limiter(server.requests_per_second_per_key, clock),
        per_address=_limiter(server.requests_per_second_per_address, clock),
        failures=_failures(settings, clock),
    )
    return Access(
        open_mode, keyring, sessions, audit, door, SignIn(sessions, audit, _failures(settings, clock), proxies)
    )


def show_keys_once(settings: Settings, store: ControlStore, access: Access, show: Callable[[str], object]) -> None:
    """On the first start in key mode, make the keys that nobody configured and show them."""
    if not access.open_mode:
        show_first_keys(store, access.keyring, configured_keys(settings), show)


def is_open(settings: Settings) -> bool:
    """Whether nobody needs a key: ``auto`` decides by the address that is listened on."""
    server = settings.server
    return server.auth == "open" or (server.auth == "auto" and is_loopback(server.host))


def configured_keys(settings: Settings) -> dict[Scope, str]:
    """The keys that the configuration gives."""
    server = settings.server
    given: dict[Scope, str] = {}
    if server.admin_key is not None:
        given["admin"] = server.admin_key.get_secret_value()
    if server.write_key is not None:
        given["write"] = server.write_key.get_secret_value()
    return given


def _limiter(rate: float, clock: Clock) -> RateLimiter | None:
    # twice a second's worth at once: clients send in bursts
    return RateLimiter(rate, 2 * rate, clock.monotonic) if rate else None


def _failures(settings: Settings, clock: Clock) -> RateLimiter:
    per_minute = settings.server.failed_keys_per_minute
    return RateLimiter(per_minute / _MINUTE_SECONDS, per_minute, clock.monotonic)
