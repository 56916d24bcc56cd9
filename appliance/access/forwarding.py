"""Where a request really comes from, when proxies stand in between that are trusted."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from appliance.access.guard import Network, is_address, is_within


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The caller's address: the last in ``X-Forwarded-For`` that no trusted proxy has, seen from a trusted peer.

    What stands before that one was written by the caller, and may say anything.
    """
    address = peer
    for hop in reversed([part.strip() for part in forwarded_for.split(",")]):
        if not is_address(hop) or not is_within(address, trusted):
            break
        address = hop
    return address


def limited_name(address: str) -> str:
    """What a limit by address counts under: of IPv6 the network of 64 bits, which one customer gets whole."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))


def is_tls(peer: str, forwarded_proto: str, trusted: Sequence[Network]) -> bool:
    """Whether the browser speaks TLS, by what the nearest trusted proxy says in ``X-Forwarded-Proto``."""
    return is_within(peer, trusted) and forwarded_proto.rpartition(",")[2].strip().lower() == "https"
