"""A query's answer read back from its JSON, no digit lost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class _Told(msgspec.Struct):
    columns: list[dict[str, str]]
    rows: list[list[Any]]
    row_count: int
    truncated: bool
    elapsed_ms: int


_decode = msgspec.json.Decoder(_Told, float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def decode_answer(content: bytes) -> dict[str, Any]:
    """The members of an answer; numbers with a fraction are ``Decimal``. Raises ``msgspec.MsgspecError``."""
    return msgspec.structs.asdict(_decode(content))


def encode_value(value: object) -> str:
    """A value of an answer, or all of it, as JSON."""
    return _encode(value).decode()
