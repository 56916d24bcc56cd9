"""What Elasticsearch's errors mean for a mirror, in words that hold no event's contents and no secrets."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from appliance.adapters.protocol import MirrorError, Misconfigured, Unreachable

RIGHTS: Final = (
    "it needs the cluster privileges monitor and manage_index_templates, and on the indices create_index, manage, "
    "read, write and delete"
)
_LOGIN: Final = "it refuses the login: set elasticsearch.username and elasticsearch.password, or elasticsearch.api_key"
_DISK_FULL: Final = (
    "its disk is full: beyond the flood-stage watermark its indices take no writes, until there is room again"
)
_SHARDS: Final = (
    "the cluster has as many shards as it may: raise cluster.max_shards_per_node there, add a node, or keep events for "
    "fewer days (log.retention_days)"
)
_LONGEST_REASON: Final = 160
# These are answered with 400 to each document, but it is the index or the cluster that is meant.
_OF_THE_INDEX: Final = {"index_closed_exception", "invalid_index_name_exception", "validation_exception"}
_INDEX: Final = re.compile(r"index \[([^\]]+)\]")
_FIELD: Final = re.compile(r"field \[([a-z_]+)\](?: of type \[([a-z_]+)\])?")


class Fault(msgspec.Struct):
    """An error as Elasticsearch describes it; ``reason`` of a document's error may quote the document."""

    type: str = ""
    reason: str | None = None
    index: str | None = None


class _Body(msgspec.Struct):
    error: Fault | str = msgspec.field(default_factory=Fault)


def fault_in(body: bytes) -> Fault:
    """The error that a body tells, an empty one where it tells none."""
    try:
        error = msgspec.json.decode(body, type=_Body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Fault()
    return Fault(reason=error) if isinstance(error, str) else error


def refusal(status: int, fault: Fault) -> str | None:
    """Why a document is refused for good; ``None`` where it is not the document's fault."""
    about_the_index = fault.type in _OF_THE_INDEX or "alias" in (fault.reason or "").partition("[")[0]
    if status != 400 or about_the_index:
        return None
    # the reason quotes the value that could not be taken: only names of our own fields are told
    found = _FIELD.search(fault.reason or "")
    where = "" if found is None else f": field {found[1]}" + (f", which is mapped as {found[2]}" if found[2] else "")
    return f"{fault.type or 'refused'}{where}"


def meaning(status: int, fault: Fault) -> MirrorError:
    """What an error means that is not about one document."""
    return _of_type(status, fault) or _of_status(status, fault)


def _of_type(status: int, fault: Fault) -> MirrorError | None:
    reason = fault.reason or ""
    named = _INDEX.search(reason)
    name = fault.index or (named[1] if named is not None else None)
    index = f"index {name}" if name else "an index"
    if fault.type == "cluster_block_exception":
        return _blocked(status, reason, index)
    if fault.type == "index_closed_exception":
        return Misconfigured(f"{index} is closed: open it, or delete it and rebuild this mirror")
    if fault.type == "validation_exception" and "shards" in reason:
        return Misconfigured(_SHARDS)
    if fault.type == "index_not_found_exception":
        return Unreachable(f"{index} has gone; it is made again")
    if fault.type == "circuit_breaking_exception":
        return Unreachable("it lacks memory for the request at present")
    return None


def _blocked(status: int, reason: str, index: str) -> MirrorError:
    if "disk usage" in reason or "read-only-allow-delete" in reason:
        return Unreachable(_DISK_FULL)
    if status >= 500:
        return Unreachable("the cluster has no master, or is starting")
    return Unreachable(f"{index} takes no writes: somebody made it read-only")


def _of_status(status: int, fault: Fault) -> MirrorError:
    if status in {401, 403}:
        return Misconfigured(_LOGIN if status == 401 else f"its login may not do what is needed: {RIGHTS}")
    if status in {408, 429}:
        return Unreachable("it is busy and takes no more at present")
    if status >= 500:
        return Unreachable(f"it answers {status}" + (f" ({fault.type})" if fault.type else ""))
    if fault.type:
        return Misconfigured(f"it refuses the request: {fault.type}: {(fault.reason or '')[:_LONGEST_REASON]}")
    return Misconfigured(f"it answers {status}, as no Elasticsearch does: correct elasticsearch.hosts")
