"""The C library's allocator, kept from holding on to what the process no longer needs.

glibc gives every thread that finds the others busy an arena of its own, eight for each core, and none of them gives
memory back by itself. Each then grows to the largest work that ever ran in it: one export in every arena costs a
multiple of one export. Elsewhere than on glibc nothing is done.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

# Numbers of mallopt(3), which has names for them in C alone.
_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2


def _glibc() -> Any:
    try:
        library = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


_LIBRARY: Final = _glibc()


def bound_arenas() -> None:
    """Let threads share a few arenas; to be called before there are many."""
    if _LIBRARY is not None:
        _LIBRARY.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Return unused memory to the system; takes milliseconds, in which the other threads go on."""
    if _LIBRARY is not None:
        _LIBRARY.malloc_trim(0)
