"""Who is calling, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Scope = Literal["write", "read", "admin"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: a key, the machine's owner, or anyone at all in open mode.

    ``id`` stays the same for as long as the key does and holds no secret; it is empty in open mode. ``address`` is
    the caller's, as far as it is known.
    """

    id: str
    scopes: frozenset[Scope]
    address: str = ""

    def may(self, scope: Scope) -> bool:
        """``write`` may post events and nothing else, ``read`` all that changes nothing, ``admin`` everything."""
        return scope in self.scopes or "admin" in self.scopes

    @property
    def label(self) -> str:
        """What lists and logs call the caller."""
        return self.id or "open"


ANYONE: Final = Principal("", frozenset(SCOPES))
"""Every caller in open mode."""
OWNER: Final = Principal("owner", frozenset({"admin"}))
"""Whoever can read the data folder: the command line on this machine."""
