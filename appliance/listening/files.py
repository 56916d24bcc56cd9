"""How many files and sockets the process may have open, and how many of them are for connections."""

from __future__ import annotations

import resource
from typing import Final

# For the log, its spill files, the control store, commands' files, mirrors, and event loops.
_RESERVED: Final = 100
_FEWEST: Final = 8
# Beyond this a limit is as good as none, and some programs that a process starts walk through all of it.
_PLENTY: Final = 65_536


def raise_file_limit() -> int:
    """Let this process open as many files as an unprivileged one may; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _PLENTY if hard == resource.RLIM_INFINITY else min(hard, _PLENTY)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _PLENTY if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def share_of_files(most: int, quarters: int) -> int:
    """At most ``most`` connections, and no more than ``quarters`` of four of the files that may be open.

    So the process always has a file left for what it must open itself.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return most
    return max(_FEWEST, min(most, (soft - _RESERVED) * quarters // 4))
