"""Compressed bodies, inflated in steps against a cap: a bomb is noticed before it goes off."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final

import zstandard

from appliance.errors import BodyError

_STEP: Final = 1 << 18
_ZSTD_INPUT: Final = 256
_ZSTD_WINDOW: Final = 1 << 27  # 128 MiB: the largest window that the format's own tools allow by default
_GZIP_WRAPPER: Final = 16 + zlib.MAX_WBITS


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
    rest = body
    while rest:
        member = zlib.decompressobj(_GZIP_WRAPPER)
        while not member.eof:
            piece = member.decompress(rest, _STEP)
            rest = member.unused_data if member.eof else member.unconsumed_tail
            if not piece and not member.eof:
                raise zlib.error("cut off")
            yield piece
        rest = rest.lstrip(b"\0")  # padding between members is allowed


def _unzstd(body: bytes) -> Iterator[bytes]:
    rest = body
    while rest:
        frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj(write_size=_STEP)
        position = 0
        while position < len(rest) and not frame.eof:
            # four bytes may stand for 128 KiB: small inputs bound what one call can produce
            yield frame.decompress(rest[position : position + _ZSTD_INPUT])
            position += _ZSTD_INPUT
        if not frame.eof:
            raise zstandard.ZstdError("cut off")
        rest = frame.unused_data + rest[position:]


_DECODERS: Final[dict[str, Callable[[bytes], Iterator[bytes]]]] = {"gzip": _gunzip, "zstd": _unzstd}
ENCODINGS: Final = frozenset(_DECODERS)
