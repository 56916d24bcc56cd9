"""A file's content in pieces of bounded size, inflated where its first bytes say that it is compressed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Final, Protocol

import zstandard

from appliance.errors import ApplianceError

STEP_BYTES: Final = 1 << 18
# Four bytes of zstd may stand for 128 KiB: small inputs bound what one step can produce.
_ZSTD_INPUT: Final = 1 << 11
_GZIP_WRAPPER: Final = 16 + zlib.MAX_WBITS


class FileDamaged(ApplianceError):
    """The file is not what its format says, or it is cut off. The message names the place."""

    code = "file_damaged"


class Readable(Protocol):
    """A binary file, or a pipe."""

    def read1(self, size: int, /) -> bytes: ...


def pieces(file: Readable) -> Iterator[bytes]:
    """The content from where the file stands, without its gzip or zstd encoding; none of the pieces is empty.

    Several gzip members or zstd frames one after the other are read as one. Raises ``FileDamaged`` where the
    encoding is broken or cut off.
    """
    head = _head(file)
    raw = chain([head] if head else [], iter(partial(file.read1, STEP_BYTES), b""))
    inflate = next((inflate for magic, inflate in _INFLATERS.items() if head.startswith(magic)), None)
    return raw if inflate is None else inflate(raw)


def _head(file: Readable) -> bytes:
    head = b""
    # a pipe may bring its first bytes one by one
    while len(head) < _LONGEST_MAGIC and (piece := file.read1(STEP_BYTES)):
        head += piece
    return head


def _gunzip(raw: Iterable[bytes]) -> Iterator[bytes]:
    member: zlib._Decompress | None = None
    try:
        for piece in raw:
            rest = piece
            while rest:
                if member is None:
                    rest = rest.lstrip(b"\0")  # padding between members is allowed
                    member = zlib.decompressobj(_GZIP_WRAPPER) if rest else None
                    continue
                if found := member.decompress(rest, STEP_BYTES):
                    yield found
                rest, member = (member.unused_data, None) if member.eof else (member.unconsumed_tail, member)
        yield from _drain(member)
    except zlib.error as fault:
        raise FileDamaged("the gzip data is broken") from fault


def _drain(member: zlib._Decompress | None) -> Iterator[bytes]:
    """What the last member still holds back; raises ``FileDamaged`` where its end is missing."""
    while member is not None and not member.eof:
        found = member.decompress(b"", STEP_BYTES)
        if found:
            yield found
        elif not member.eof:
            raise FileDamaged("the gzip data is cut off")


def _unzstd(raw: Iterable[bytes]) -> Iterator[bytes]:
    frame = None
    try:
        for piece in raw:
            rest = piece
            while rest:
                frame = frame or zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(STEP_BYTES)
                if found := frame.decompress(rest[:_ZSTD_INPUT]):
                    yield found
                rest = rest[_ZSTD_INPUT:]
                if frame.eof:
                    rest, frame = frame.unused_data + rest, None
    except zstandard.ZstdError as fault:
        raise FileDamaged("the zstd data is broken") from fault
    if frame is not None:
        raise FileDamaged("the zstd data is cut off")


_INFLATERS: Final[dict[bytes, Callable[[Iterable[bytes]], Iterator[bytes]]]] = {
    b"\x1f\x8b": _gunzip,
    b"\x28\xb5\x2f\xfd": _unzstd,
}
_LONGEST_MAGIC: Final = max(map(len, _INFLATERS))
