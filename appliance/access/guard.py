"""Who may come in, judged by ``Host``, ``Origin`` and the proxies' headers.

In open mode nobody signs in, so a page of another site that a browser has open must not reach the appliance,
neither by its own address (``Origin``) nor through a name that it points at 127.0.0.1 (``Host``, DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules. ``own_ports`` are those of this server's two listeners."""

    own_ports: frozenset[int]
    open_mode: bool = True
    trusted_proxies: tuple[Network, ...] = ()

    @lru_cache(maxsize=1024)  # noqa: B019 - one guard lives as long as the process
    def plain_refusal(self, host: str) -> str | None:
        """As ``refusal``, for the many requests that carry nothing but a Host."""
        return self.refusal(host, (), forwarded=False, peer="")

    def refusal(
        self, host: str, origins: Collection[str], *, forwarded: bool, peer: str, forwarded_host: str = ""
    ) -> str | None:
        """Why a request is refused, or ``None`` when it may pass.

        ``forwarded_host`` is ``X-Forwarded-Host``: the name by which the browser knows a proxy, believed when ``peer``
        is a trusted one.
        """
        if self.open_mode and not is_loopback(split_host(host)[0]):
            return "this server is open on loopback names only; the Host header names another"
        if self.open_mode and forwarded and not is_within(peer, self.trusted_proxies):
            return "forwarded requests are refused in open mode, unless server.trusted_proxies names their sender"
        names = [host, *self._names_of_proxy(forwarded_host, peer)]
        if any(not any(self._is_own(origin, name) for name in names) for origin in origins):
            return "the Origin header is not this server's own"
        return None

    def _names_of_proxy(self, forwarded_host: str, peer: str) -> list[str]:
        if not forwarded_host or not is_within(peer, self.trusted_proxies):
            return []
        return [name.strip() for name in forwarded_host.split(",")]

    def _is_own(self, origin: str, host: str) -> bool:
        name, port = split_host(host)
        try:
            parts = urlsplit(origin)
            origin_port = parts.port
        except ValueError:
            return False
        # A proxy in front has a port that this server can't know but that the browser says in both headers.
        return bool(name) and parts.hostname == name and (origin_port in self.own_ports or origin_port == port)


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of the networks; what is no address lies in none."""
    if not is_address(address):
        return False
    parsed = ip_address(address)
    # how a listener for both kinds of addresses sees a peer that calls by IPv4
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in networks)


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def split_host(host: str) -> tuple[str, int | None]:
    """The name in small letters and the port of a ``Host`` header; an unreadable one gives an empty name."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return "", None
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


def is_loopback(name: str) -> bool:
    """Whether a host name can only mean this machine."""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
