"""Exported bytes compressed on the way."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol

import pyarrow as pa
import zstandard

from appliance.analytics.export_formats import ExportEncoder

ExportCompression = Literal["gzip", "zstd"]

_GZIP_WRAPPER: Final = 16 + zlib.MAX_WBITS


class Compressor(Protocol):
    """A stream being compressed."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


COMPRESSORS: Final[Mapping[ExportCompression, Callable[[], Compressor]]] = {
    "gzip": lambda: zlib.compressobj(6, zlib.DEFLATED, _GZIP_WRAPPER),
    "zstd": lambda: zstandard.ZstdCompressor().compressobj(),
}
COMPRESSED_TYPES: Final[Mapping[ExportCompression, str]] = {"gzip": "application/gzip", "zstd": "application/zstd"}


class CompressedEncoder:
    """What another encoder gives, compressed."""

    def __init__(self, encoder: ExportEncoder, compressor: Compressor) -> None:
        self._encoder = encoder
        self._compressor = compressor

    def encode(self, batch: pa.RecordBatch) -> bytes:
        return self._compressor.compress(self._encoder.encode(batch))

    def finish(self) -> bytes:
        return self._compressor.compress(self._encoder.finish()) + self._compressor.flush()
