from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import BodyError
from appliance.ingest.inflate import inflate

_PRESS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}
_ENCODINGS = pytest.mark.parametrize("encoding", sorted(_PRESS))
MIB = 1024 * 1024


@_ENCODINGS
@given(pieces=st.lists(st.binary(max_size=20_000), min_size=1, max_size=4), padding=st.integers(0, 3))
def test_members_one_after_the_other_are_one_body(encoding: str, pieces: list[bytes], padding: int) -> None:
    """As many as there are, empty ones among them; gzip's may be padded with zeros."""
    gap = b"\0" * padding if encoding == "gzip" else b""
    assert b"".join(pieces) == inflate(b"".join(_PRESS[encoding](piece) + gap for piece in pieces), encoding, MIB)


@_ENCODINGS
def test_incompressible_and_repetitive_bodies(encoding: str) -> None:
    """Larger than every step that is taken."""
    for body in (random.Random(1).randbytes(3 * MIB), b"ab" * 3 * MIB, b"", b"x"):
        assert body == inflate(_PRESS[encoding](body), encoding, 7 * MIB)


@_ENCODINGS
def test_a_cut_body_is_bad_encoding_wherever_it_was_cut(encoding: str) -> None:
    """Every proper prefix, and what follows a whole member without being one."""
    whole = _PRESS[encoding](b"some text, twice: some text")
    for size in range(1, len(whole)):
        assert "bad_encoding" == _refusal(whole[:size], encoding)
    for tail in (b"x", b"more", whole[:-1]):
        assert "bad_encoding" == _refusal(whole + tail, encoding)


@_ENCODINGS
def test_a_damaged_body_is_refused_or_inflated(encoding: str) -> None:
    """No damage comes out as anything but ``bad_encoding`` or bytes."""
    rng = random.Random(2)
    whole = bytearray(_PRESS[encoding](b"some text " * 500))
    for _ in range(3_000):
        broken = bytearray(whole)
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        assert _refusal(bytes(broken), encoding) in {None, "bad_encoding", "too_large"}


@_ENCODINGS
def test_the_limit_is_exact(encoding: str) -> None:
    """So many bytes are let through; one more is a bomb, however it is cut into members."""
    press = _PRESS[encoding]
    assert MIB == len(inflate(press(bytes(MIB)), encoding, MIB))
    assert "too_large" == _refusal(press(bytes(MIB + 1)), encoding)
    assert "too_large" == _refusal(press(bytes(MIB)) + press(b"x"), encoding)
    assert "too_large" == _refusal(press(bytes(200 * MIB)), encoding)


@_ENCODINGS
def test_members_by_the_hundred_thousand_are_read_in_one_go(encoding: str) -> None:
    """Two megabytes of the smallest members there are: work in proportion to their bytes."""
    smallest = _PRESS[encoding](b"")
    assert b"" == inflate(smallest * (2 * MIB // len(smallest)), encoding, MIB)


def test_other_formats_are_not_taken_for_gzip() -> None:
    """A stream of zlib is none."""
    assert "bad_encoding" == _refusal(zlib.compress(b"text"), "gzip")


def test_a_window_beyond_the_format_s_usual_is_refused() -> None:
    """A frame that would make the reader hold a quarter of a gigabyte."""
    parameters = zstandard.ZstdCompressionParameters(window_log=28, write_content_size=0)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert "bad_encoding" == _refusal(frame.compress(bytes(1_000)) + frame.flush(), "zstd")


def _refusal(body: bytes, encoding: str) -> str | None:
    try:
        inflate(body, encoding, MIB)
    except BodyError as error:
        return error.code
    return None
