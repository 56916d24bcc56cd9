"""Files read in pieces, inflated where they are compressed."""

from __future__ import annotations

import gzip
import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from appliance.ingest.pieces import FileDamaged, pieces


class Trickle:
    """A pipe that brings a few bytes at a time."""

    def __init__(self, content: bytes, step: int) -> None:
        self._file = io.BytesIO(content)
        self._step = step

    def read1(self, _size: int, /) -> bytes:
        return self._file.read(self._step)


def _read(content: bytes, step: int = 1 << 16) -> bytes:
    return b"".join(pieces(Trickle(content, step)))


@given(st.binary(max_size=2_000), st.binary(max_size=2_000), st.integers(1, 700))
def test_gzip_members_one_after_the_other_are_one_file(first: bytes, second: bytes, step: int) -> None:
    """Two gzip members, padded, read in any pieces, give what was compressed."""
    content = gzip.compress(first) + gzip.compress(second) + b"\0\0\0"
    assert first + second == _read(content, step)


@given(st.binary(max_size=2_000), st.binary(max_size=2_000), st.integers(1, 700))
def test_zstd_frames_one_after_the_other_are_one_file(first: bytes, second: bytes, step: int) -> None:
    """Two zstd frames, read in any pieces, give what was compressed."""
    content = zstandard.compress(first) + zstandard.compress(second)
    assert first + second == _read(content, step)


@pytest.mark.parametrize("size", [0, 1, 3, 5, 300_000])
def test_an_uncompressed_file_is_given_as_it_is(size: int) -> None:
    """What begins with no magic number is not touched, an empty file included."""
    assert b"x" * size == _read(b"x" * size)


def test_a_large_compressed_file_comes_in_small_pieces() -> None:
    """64 MB of zeros, a few kilobytes compressed, never come in one piece."""
    content = gzip.compress(bytes(64_000_000))
    sizes = [len(piece) for piece in pieces(Trickle(content, 1 << 20))]
    assert 64_000_000 == sum(sizes)
    assert max(sizes) <= 1 << 18


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_cut_off_file_is_noticed(compress: object) -> None:
    """A compressed file without its end is damaged, not short."""
    content: bytes = compress(b"0123456789" * 50)  # type: ignore[operator]
    with pytest.raises(FileDamaged, match="cut off"):
        _read(content[:-3])


def test_a_broken_file_is_noticed() -> None:
    """A checksum that doesn't fit is damage."""
    with pytest.raises(FileDamaged, match="broken"):
        _read(gzip.compress(b"x" * 100)[:-8] + b"\xff" * 8)
