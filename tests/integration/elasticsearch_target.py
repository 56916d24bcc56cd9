"""The Elasticsearch mirror's target as tests see it: asked in plain HTTP, never through the mirror's own code."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx

from appliance.adapters.elasticsearch import ElasticsearchMirror
from appliance.adapters.protocol import MirrorContext
from appliance.clock import to_datetime
from appliance.config.services import ElasticsearchSettings
from appliance.events.row import Row
from appliance.log.position import Position
from appliance.testing import SettableClock, make_row
from tests.integration.mirror_conformance import Event, plain, without_person
from tests.services.elasticsearch import Elasticsearch

TAKEN_DAY_US: Final = 1_735_689_600_000_000
"""2025-01-01: the day whose index somebody else has made."""
_PAGE: Final = 10_000
_TEXTS: Final = (
    *("event_type", "user_id", "session_id", "campaign_id", "currency", "bounce_type", "link", "mailbox_provider"),
    *("referred_user_id", "contest_id", "label", "source"),
)


@dataclass
class Kept:
    """A ``CursorKeeper`` in memory, as the control store is to the clients of one appliance."""

    position: Position | None = None

    def get(self) -> Position | None:
        return self.position

    def put(self, position: Position | None) -> None:
        self.position = position


@dataclass
class ElasticsearchTarget:
    """Daily indices of a prefix of its own, and a harness of the conformance suite."""

    service: Elasticsearch
    clock: SettableClock = field(default_factory=SettableClock)
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")
    kept: Kept = field(default_factory=Kept)
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(verify=False, timeout=30))

    def settings(self, *hosts: str, **more: Any) -> ElasticsearchSettings:
        return ElasticsearchSettings(
            hosts=list(hosts) or [self.service.url],
            index_prefix=self.prefix,
            index_pattern=f"{self.prefix}-*",
            **more,
        )

    def connect(self, *hosts: str) -> ElasticsearchMirror:
        return ElasticsearchMirror(self.settings(*hosts), MirrorContext(self.clock, self.kept))

    def ready(self, *hosts: str) -> ElasticsearchMirror:
        mirror = self.connect(*hosts)
        mirror.setup()
        return mirror

    def expected(self, events: Sequence[Event]) -> dict[str, dict[str, Any]]:
        """Each event's fields by its id, with the index that holds it; numbers as they are written."""
        return {str(event["event_id"]): self._document(event) for event in events}

    def expected_without(self, events: Sequence[Event], user_id: str) -> dict[str, dict[str, Any]]:
        return self.expected(without_person(events, user_id))

    def effects(self) -> dict[str, dict[str, Any]]:
        self.ask("POST", f"/{self.prefix}-*/_refresh")
        page = hits = self._page()
        while len(page) == _PAGE:
            page = self._page(search_after=page[-1]["sort"])
            hits = hits + page
        documents = {hit["_id"]: {"_index": hit["_index"], **hit["_source"]} for hit in hits}
        assert len(hits) == len(documents)
        return documents

    def _page(self, **more: Any) -> list[dict[str, Any]]:
        search = {"size": _PAGE, "sort": [{"event_id": {"order": "asc", "unmapped_type": "keyword"}}], **more}
        found: list[dict[str, Any]] = _exactly(self.ask("POST", f"/{self.prefix}-*/_search", search).text)["hits"][
            "hits"
        ]
        return found

    def refusable(self) -> Row:
        """An event whose session id is no number, on the day whose index wants one."""
        self.make_index("2025.01.01", {"session_id": {"type": "long"}, "user_id": {"type": "keyword"}})
        return make_row(timestamp_us=TAKEN_DAY_US, session_id="secret words")

    def index(self, day: str) -> str:
        return f"{self.prefix}-{day}"

    def make_index(self, day: str, properties: dict[str, Any]) -> None:
        """An index as somebody else would make it."""
        body = {"mappings": {"dynamic": False, "properties": properties}}
        assert self.ask("PUT", f"/{self.index(day)}", body).status_code == 200

    def indices(self) -> list[str]:
        return sorted(
            index["index"] for index in self.ask("GET", "/_cat/indices?format=json&expand_wildcards=all").json()
        )

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._http.request(method, self.service.url + path, json=body)

    def clear(self) -> None:
        """Remove all that is of this prefix."""
        own = [name for name in self.indices() if name.startswith(self.prefix)]
        if own:
            self.ask("DELETE", f"/{','.join(own)}")
        self.ask("DELETE", f"/_index_template/{self.prefix}-appliance")
        self._http.close()

    def _document(self, event: Event) -> dict[str, Any]:
        known = plain(event)
        day = to_datetime(known["timestamp"]).strftime("%Y.%m.%d")
        fields = {
            "_index": self.index(day),
            "event_id": known["event_id"],
            "timestamp": _instant(known["timestamp"]),
            "received_at": _instant(known["received_at"]),
            "amount": None if known["amount"] is None else Decimal(known["amount"]),
            "properties": _exactly(event["properties"]),
            **{name: known[name] for name in _TEXTS},
        }
        return {name: value for name, value in fields.items() if value is not None}


def _instant(instant_us: int) -> str:
    return to_datetime(instant_us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _exactly(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)
