"""Compressed bodies, inflated in steps against a cap: a bomb is noticed before it goes off."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final

import zstandard

from appliance.errors import BodyError

_STEP: Final = 1 << 18
# A member may be twenty bytes long, and a decompressor copies what it leaves of its input: so it gets little at once.
_GZIP_INPUT: Final = 1 << 12
# Four bytes of zstd may stand for 128 KiB: small inputs bound what one call can produce, too.
_ZSTD_INPUT: Final = 1 << 8
_ZSTD_WINDOW: Final = 1 << 27  # 128 MiB: the largest window that the format's own tools allow by default
_GZIP_WRAPPER: Final = 16 + zlib.MAX_WBITS
_PADDING: Final = re.compile(rb"\0*+")


def inflate(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """The body without its ``gzip`` or ``zstd`` encoding, several members one after the other included.

    Raises ``BodyError``: ``too_large`` beyond ``limit_bytes``, ``bad_encoding`` for what is broken or
    cut off.
    """
    pieces = bytearray()
    try:
        for piece in _DECODERS[encoding](body):
            pieces += piece
            if len(pieces) > limit_bytes:
                raise BodyError("too_large", f"send at most {limit_bytes:,} bytes after inflating", status=413)
    except (zlib.error, zstandard.ZstdError) as fault:
        raise BodyError("bad_encoding", f"the body is not valid {encoding}") from fault
    return bytes(pieces)


def _gunzip(body: bytes) -> Iterator[bytes]:
    view, position = memoryview(body), 0
    while position < len(view):
        member = zlib.decompressobj(_GZIP_WRAPPER)
        while not member.eof:
            given = view[position : position + _GZIP_INPUT]
            piece = member.decompress(given, _STEP)
            position += len(given) - len(member.unused_data if member.eof else member.unconsumed_tail)
            if not (given or piece or member.eof):
                raise zlib.error("cut off")
            yield piece
        padding = _PADDING.match(body, position)  # zeros between members are allowed
        position = padding.end() if padding else position


def _unzstd(body: bytes) -> Iterator[bytes]:
    view, position = memoryview(body), 0
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    while position < len(view):
        frame = decompressor.decompressobj(write_size=_STEP)
        while not frame.eof:
            given = view[position : position + _ZSTD_INPUT]
            if not given:
                raise zstandard.ZstdError("cut off")
            position += len(given)
            yield frame.decompress(given)
        position -= len(frame.unused_data)


_DECODERS: Final[dict[str, Callable[[bytes], Iterator[bytes]]]] = {"gzip": _gunzip, "zstd": _unzstd}
ENCODINGS: Final = frozenset(_DECODERS)
