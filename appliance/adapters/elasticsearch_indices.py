"""The daily indices and their template: names, making, what those that others made must be like, removal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

import msgspec

from appliance.adapters.elasticsearch_connection import Connection
from appliance.adapters.elasticsearch_errors import Fault, fault_in, meaning
from appliance.adapters.protocol import MirrorError, Misconfigured
from appliance.config.services import ElasticsearchSettings

_MAKER: Final = "analytics-appliance"
_PRIORITY: Final = 200
_LONGEST_USER_ID: Final = 200
# a request's first line is limited to 4,096 bytes
_LONGEST_PATH: Final = 3_000
_ANY_DAY: Final = "2026.01.31"
_PERSONS: Final = ("user_id", "referred_user_id")


class _Named(msgspec.Struct):
    name: str


class _Resolved(msgspec.Struct):
    indices: list[_Named]


class IndexMapping(msgspec.Struct):
    """What an index says of its documents."""

    meta: dict[str, Any] = msgspec.field(name="_meta", default_factory=dict)
    properties: dict[str, dict[str, Any]] = {}

    @property
    def is_ours(self) -> bool:
        return bool(self.meta.get("made_by") == _MAKER)

    def unfit(self) -> str | None:
        """A field for which nobody could be erased by the exact text of their id; ``None``: it can be written to."""
        return next((field for field in _PERSONS if not _holds_names(self.properties.get(field))), None)


class _Mapped(msgspec.Struct):
    mappings: IndexMapping


class _Template(msgspec.Struct):
    name: str
    index_template: dict[str, Any]


class _Templates(msgspec.Struct):
    index_templates: list[_Template] = []


class DailyIndices:
    """Those named exactly ``{prefix}-YYYY.MM.DD``; nothing else is ever touched."""

    def __init__(self, settings: ElasticsearchSettings, connection: Connection) -> None:
        self._prefix = settings.index_prefix
        self._pattern = settings.index_pattern
        self._connection = connection
        self._template_path = f"/_index_template/{quote(self._prefix)}-appliance"
        self._ready: set[str] = set()
        self._daily = re.compile(re.escape(self._prefix) + r"-(\d{4})\.(\d{2})\.(\d{2})")

    def check_template(self) -> None:
        """Raises ``Misconfigured`` where somebody else's template has the name of ours."""
        answer = self._connection.ask("GET", self._template_path, also=(404,))
        found = [] if answer.status == 404 else answer.read(_Templates).index_templates
        if any((one.index_template.get("_meta") or {}).get("made_by") != _MAKER for one in found):
            raise Misconfigured(
                f"the index template {self._prefix}-appliance was made by somebody else: rename that one"
            )

    def put_template(self) -> None:
        """Make or renew the template; raises ``Misconfigured`` where that of another stands in its way."""
        self.check_template()
        patterns = [self._pattern]
        if not fnmatchcase(f"{self._prefix}-{_ANY_DAY}", self._pattern):
            patterns.append(f"{self._prefix}-*")
        template = {
            "index_patterns": patterns,
            "priority": _PRIORITY,
            "template": _definition(),
            "_meta": {"made_by": _MAKER},
        }
        put = self._connection.ask("PUT", self._template_path, template, also=(400,))
        if put.status == 400:
            raise _in_the_way(fault_in(put.body))

    def make_ready(self, names: Iterable[str]) -> None:
        """See that indices are there and fit; raises ``Misconfigured`` for one that somebody else made and doesn't."""
        wanted = set(names) - self._ready
        if not wanted:
            return
        there = wanted & set(self.names())
        for name in sorted(wanted - there):
            if not self._make(name):
                there.add(name)
        for name, mapping in self.mappings(sorted(there)).items():
            if not mapping.is_ours:
                self._complete(name, mapping)
        self._ready |= wanted

    def names(self) -> list[str]:
        """All that exist, in order of their days, closed ones too."""
        path = f"/_resolve/index/{quote(self._prefix)}-*?expand_wildcards=all"
        found = self._connection.ask("GET", path).read(_Resolved).indices
        return sorted(index.name for index in found if self.day(index.name) is not None)

    def day(self, name: str) -> date | None:
        """The day of an index of this name; ``None`` where it isn't one of these."""
        found = self._daily.fullmatch(name)
        try:
            return date(*map(int, found.groups())) if found is not None else None
        except ValueError:
            return None

    def mappings(self, names: Sequence[str]) -> dict[str, IndexMapping]:
        """What each of the indices says of its documents."""
        found: dict[str, IndexMapping] = {}
        for path in paths(names):
            answer = self._connection.ask("GET", f"{path}/_mapping?ignore_unavailable=true&expand_wildcards=all")
            found |= {name: one.mappings for name, one in answer.read(dict[str, _Mapped]).items()}
        return found

    def delete(self, names: Sequence[str]) -> None:
        """Drop indices; one that is gone already is no error."""
        for path in paths(names):
            self._connection.ask("DELETE", f"{path}?ignore_unavailable=true")
        self._ready -= set(names)

    def _make(self, name: str) -> bool:
        """Whether it was made; somebody may have been faster."""
        answer = self._connection.ask("PUT", f"/{quote(name)}", _definition(), also=(400,))
        fault = fault_in(answer.body) if answer.status == 400 else Fault()
        if fault.type == "resource_already_exists_exception":
            return False
        if fault.type == "invalid_index_name_exception" and "exists as alias" in (fault.reason or ""):
            raise Misconfigured(f"{name} is an alias there: remove it, or choose another elasticsearch.index_prefix")
        if answer.status == 400:
            raise meaning(400, fault)
        return True

    def _complete(self, name: str, mapping: IndexMapping) -> None:
        """Add the fields that an index of somebody else's lacks."""
        unfit = mapping.unfit()
        if unfit is not None:
            raise Misconfigured(
                f"index {name} was made by somebody else, and its {unfit} is not a keyword, so that nobody could be "
                "erased from it: delete or reindex it, or choose another elasticsearch.index_prefix"
            )
        ours: dict[str, Any] = _definition()["mappings"]["properties"]
        missing = {field: kind for field, kind in ours.items() if field not in mapping.properties}
        if missing:
            self._connection.ask("PUT", f"/{quote(name)}/_mapping", {"properties": missing})


def paths(names: Sequence[str]) -> Iterator[str]:
    """Paths that name all of the indices, none too long for a request."""
    path = ""
    for name in map(quote, names):
        if path and len(path) + len(name) > _LONGEST_PATH:
            yield path
            path = ""
        path = f"{path},{name}" if path else f"/{name}"
    if path:
        yield path


def _in_the_way(fault: Fault) -> MirrorError:
    found = re.search(r"existing templates \[([^\]]+)\].*same priority", fault.reason or "")
    if found is None:
        return meaning(400, fault)
    return Misconfigured(
        f"the index template {found[1]} has the same priority as this mirror's ({_PRIORITY}) and overlaps: "
        "give it another priority"
    )


def _holds_names(field: Mapping[str, Any] | None) -> bool:
    """Whether a field, missing or not, is found by the exact text of any user id."""
    if field is None:
        return True
    whole = field.get("ignore_above", _LONGEST_USER_ID) >= _LONGEST_USER_ID
    return field.get("type") == "keyword" and whole and "normalizer" not in field and field.get("index", True)


@cache
def _definition() -> dict[str, Any]:
    """Settings and mappings of a daily index."""
    text = files("appliance.adapters").joinpath("elasticsearch_index.json").read_text("utf-8")
    definition: dict[str, Any] = json.loads(text)
    return definition
