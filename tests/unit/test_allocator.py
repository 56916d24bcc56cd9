"""Memory that is not needed goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from appliance.allocator import give_back

_BLOCKS = 2_000
_BLOCK_BYTES = 64 * 1024  # below the size from which the allocator asks the system for each block alone


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux, and glibc")
def test_freed_blocks_below_one_in_use_are_given_back() -> None:
    """What lies below a block that is still in use stays with the allocator until it is told to give it back."""
    library = ctypes.CDLL("libc.so.6")
    library.malloc.restype = ctypes.c_void_p
    blocks = [ctypes.c_void_p(library.malloc(_BLOCK_BYTES)) for _ in range(_BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, _BLOCK_BYTES)
    last = blocks.pop()
    for block in blocks:
        library.free(block)
    held = _resident_bytes()

    give_back()

    assert held - _resident_bytes() > _BLOCKS * _BLOCK_BYTES // 2
    library.free(last)
