"""What the headers of an ingest request say about its body."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from appliance.errors import BadArgument, BodyError
from appliance.events.batch import Framing
from appliance.ingest.inflate import ENCODINGS

MAX_IDEMPOTENCY_KEY: Final = 200

_FRAMINGS: Final[dict[str, Framing]] = {
    "": "json",
    "application/json": "json",
    "text/plain": "json",  # what a browser's beacon sends
    "application/x-ndjson": "ndjson",
}


@dataclass(frozen=True, slots=True)
class BodyHeaders:
    """``encoding`` is ``None`` for a body that is not compressed, ``length`` where none was declared."""

    framing: Framing
    encoding: str | None
    length: int | None
    idempotency_key: str | None


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> BodyHeaders:
    """Read the raw headers; raises ``BodyError`` (415) and ``BadArgument`` for a bad Idempotency-Key."""
    named = dict(headers)
    media_type = named.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if media_type not in _FRAMINGS:
        raise BodyError(
            "unsupported_media_type",
            "send application/json or application/x-ndjson as the Content-Type",
            status=415,
        )
    length = named.get(b"content-length")
    return BodyHeaders(
        framing=_FRAMINGS[media_type],
        encoding=_encoding(named.get(b"content-encoding", b"")),
        length=int(length) if length is not None and length.isdigit() else None,
        idempotency_key=_idempotency_key(named.get(b"idempotency-key")),
    )


def _encoding(raw: bytes) -> str | None:
    name = raw.decode("latin-1").strip().lower()
    if name in ("", "identity"):
        return None
    if name == "x-gzip":  # the same by RFC 9110
        name = "gzip"
    if name not in ENCODINGS:
        raise BodyError("unsupported_encoding", "send the body as it is, or as gzip or zstd", status=415)
    return name


def _idempotency_key(raw: bytes | None) -> str | None:
    if raw is None or not raw.strip():
        return None
    if len(raw) > MAX_IDEMPOTENCY_KEY:
        raise BadArgument(f"the key may have at most {MAX_IDEMPOTENCY_KEY} characters", field="Idempotency-Key")
    return raw.strip().decode("latin-1")
