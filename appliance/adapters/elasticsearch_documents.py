"""A batch of events as the lines of a bulk request: exact, and never more than Elasticsearch's parser takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

_LONGEST_NUMBER: Final = 1_000
_LONG_NUMBER: Final = re.compile(rf"[-+.0-9eE]{{{_LONGEST_NUMBER + 1}}}")
_TEXTS: Final = (
    "event_type",
    "user_id",
    "session_id",
    "campaign_id",
    "currency",
    "bounce_type",
    "link",
    "mailbox_provider",
    "referred_user_id",
    "contest_id",
    "label",
    "source",
)


class Document(msgspec.Struct, frozen=True):
    """An event for an index."""

    index: str
    event_id: str
    seq: int
    lines: bytes
    """The action and the source, each with its line end."""


class _Source(msgspec.Struct, omit_defaults=True):
    """The fields of a document, in the order of its text; those without a value are left out."""

    event_id: str
    timestamp: str
    received_at: str
    properties: msgspec.Raw
    event_type: str
    user_id: str
    amount: msgspec.Raw | None = None
    session_id: str | None = None
    campaign_id: str | None = None
    currency: str | None = None
    bounce_type: str | None = None
    link: str | None = None
    mailbox_provider: str | None = None
    referred_user_id: str | None = None
    contest_id: str | None = None
    label: str | None = None
    source: str | None = None


def documents(events: pa.Table, prefix: str) -> list[Document]:
    """The events in their order, each for the index of the UTC day on which it happened."""
    if not len(events):
        return []
    ids = list(map(str, events.column("event_id").to_pylist()))
    times = events.column("timestamp")
    columns = (
        ids,
        _instants(times),
        _instants(events.column("received_at")),
        map(_properties, events.column("properties").to_pylist()),
        *(events.column(name).to_pylist() for name in _TEXTS[:2]),
        map(_number, events.column("amount").cast(pa.string()).to_pylist()),
        *(events.column(name).to_pylist() for name in _TEXTS[2:]),
    )
    encode = msgspec.json.Encoder().encode
    sources = map(encode, map(_Source, *columns))
    return list(map(_document, _indices(times, prefix), ids, events.column("seq").to_pylist(), sources))


def action(index: str, event_id: str, verb: str = "index", **more: int) -> bytes:
    """The line of a bulk request that says what is done with which document; after ``index`` its source follows."""
    return msgspec.json.encode({verb: {"_index": index, "_id": event_id, **more}}) + b"\n"


def _document(index: str, event_id: str, seq: int, source: bytes) -> Document:
    return Document(index, event_id, seq, b"%b%b\n" % (action(index, event_id), source))


def _indices(times: pa.ChunkedArray, prefix: str) -> Iterator[str]:
    days = pc.replace_substring(times.cast(pa.date32()).cast(pa.string()), "-", ".").to_pylist()
    return (f"{prefix}-{day}" for day in days)


def _instants(column: pa.ChunkedArray) -> Iterator[str]:
    texts = pc.replace_substring(column.cast(pa.timestamp("us")).cast(pa.string()), " ", "T").to_pylist()
    return (f"{text}Z" for text in texts)


def _number(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())


def _properties(text: str) -> msgspec.Raw:
    if len(text) > _LONGEST_NUMBER and _LONG_NUMBER.search(text):
        return msgspec.Raw(msgspec.json.encode(_decoder.decode(text)))
    return msgspec.Raw(text.encode())


def _as_sent(text: str) -> Any:
    # the parser refuses a document with a longer number: as text it keeps all its digits
    return text if len(text) > _LONGEST_NUMBER else msgspec.Raw(text.encode())


_decoder: Final = json.JSONDecoder(parse_int=_as_sent, parse_float=_as_sent)
