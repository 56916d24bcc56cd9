"""Removing a person from the daily indices: their events, and their name from others' events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from appliance.adapters.elasticsearch_bulk import Bulk
from appliance.adapters.elasticsearch_connection import Connection
from appliance.adapters.elasticsearch_documents import Document, action
from appliance.adapters.elasticsearch_indices import paths
from appliance.adapters.protocol import Unreachable

# documents that one request removes, or brings here to be changed
_PAGE: Final = 5_000
_PAGE_READ: Final = 500
_MOST_IDLE_ROUNDS: Final = 10
_REFERRED: Final = "referred_user_id"
_INSIDE: Final = f"properties.{_REFERRED}"


class _Hit(msgspec.Struct):
    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")
    seq_no: int = msgspec.field(name="_seq_no")
    primary_term: int = msgspec.field(name="_primary_term")
    # raw values: numbers keep their digits
    source: dict[str, msgspec.Raw] = msgspec.field(name="_source", default_factory=dict)


class _Hits(msgspec.Struct):
    hits: list[_Hit]


class _Found(msgspec.Struct):
    hits: _Hits
    timed_out: bool


def erase(connection: Connection, names: Sequence[str], user_id: str) -> int:
    """Remove a person's events, and their name where others' events mention it; returns how many events went.

    What was written before is found, and what is gone can't be found any more when this returns.
    """
    removed = 0
    for path in paths(names):
        connection.ask("POST", f"{path}/_refresh")
        removed += remove(connection, path, {"term": {"user_id": user_id}})
        _remove_name(connection, path, user_id)
    return removed


def remove(connection: Connection, path: str, query: Mapping[str, Any]) -> int:
    """Remove all documents that a query finds; returns how many."""
    removed = 0
    while hits := _search(connection, path, {"query": query, "size": _PAGE, "_source": False}):
        gone = [Document(hit.index, hit.id, 0, action(hit.index, hit.id, verb="delete")) for hit in hits]
        if Bulk(connection, refresh=True).write(gone):
            raise Unreachable("it refuses to remove what it was told to")
        removed += len(hits)
    return removed


def _remove_name(connection: Connection, path: str, user_id: str) -> None:
    fields = (_REFERRED, _INSIDE, f"{_INSIDE}.keyword")
    query = {"bool": {"should": [{"term": {field: user_id}} for field in fields]}}
    search = {"query": query, "size": _PAGE_READ}
    before: list[str] = []
    idle = 0
    while idle < _MOST_IDLE_ROUNDS:
        hits = _search(connection, path, search)
        changed = [document for hit in hits if (document := _without_name(hit, user_id)) is not None]
        if not changed:
            return
        if Bulk(connection, refresh=True).write(changed):
            raise Unreachable("it refuses an event without the name of the person who is to be erased")
        ids = [document.event_id for document in changed]
        before, idle = ids, idle + 1 if ids == before else 0
    raise Unreachable("somebody else keeps changing the events from which a name is to be removed")


def _search(connection: Connection, path: str, search: Mapping[str, Any]) -> list[_Hit]:
    options = "allow_partial_search_results=false&seq_no_primary_term=true"
    found = connection.ask("POST", f"{path}/_search?{options}", search).read(_Found)
    if found.timed_out:
        raise Unreachable("it could not look through all that it holds")
    return found.hits.hits


def _without_name(hit: _Hit, user_id: str) -> Document | None:
    """The document without the person's name, to be written only over what was read; ``None`` where it has none."""
    source = {name: value for name, value in hit.source.items() if name != _REFERRED or not _names(value, user_id)}
    properties = msgspec.json.decode(source["properties"], type=dict[str, msgspec.Raw])
    if _names(properties.get(_REFERRED), user_id):
        del properties[_REFERRED]
        source["properties"] = msgspec.Raw(msgspec.json.encode(properties))
    elif len(source) == len(hit.source):
        return None
    header = action(hit.index, hit.id, if_seq_no=hit.seq_no, if_primary_term=hit.primary_term)
    return Document(hit.index, hit.id, 0, header + msgspec.json.encode(source) + b"\n")


def _names(value: msgspec.Raw | None, user_id: str) -> bool:
    """Whether a value is the person's id, as text or as a number, or a list that has it."""
    if value is None:
        return False
    decoded = msgspec.json.decode(value)
    if isinstance(decoded, list):
        return any(_names(item, user_id) for item in msgspec.json.decode(value, type=list[msgspec.Raw]))
    return decoded == user_id or bytes(value).decode() == user_id
