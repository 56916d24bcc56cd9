"""Elasticsearch: the log's events as documents of daily indices, by the day on which they happened."""

from __future__ import annotations

from typing import Final

from appliance.adapters.elasticsearch_bulk import Bulk
from appliance.adapters.elasticsearch_connection import Connection
from appliance.adapters.elasticsearch_documents import documents
from appliance.adapters.elasticsearch_erasure import erase, remove
from appliance.adapters.elasticsearch_indices import DailyIndices, paths
from appliance.adapters.protocol import CursorMoved, MirrorBatch, MirrorContext, Refuse
from appliance.clock import to_datetime
from appliance.config.services import ElasticsearchSettings
from appliance.log.position import Position

# fields that the appliance writes to each document, and that those of somebody else will hardly all have
_OUR_FIELDS: Final = ("event_id", "received_at", "source")


class ElasticsearchMirror:
    """A ``Mirror`` into Elasticsearch 8 or 9. Idempotent by ``_id``; the cursor is kept by the appliance, after it."""

    name = "elasticsearch"
    history_us: int | None = None

    def __init__(self, settings: ElasticsearchSettings, context: MirrorContext) -> None:
        self._kept_cursor = context.kept_cursor
        self._prefix = settings.index_prefix
        self._connection = Connection(settings)
        self._indices = DailyIndices(settings, self._connection)

    def setup(self) -> None:
        self._connection.check_version()
        self._indices.put_template()

    def cursor(self) -> Position | None:
        return self._kept_cursor.get()

    def write(self, batch: MirrorBatch, refuse: Refuse) -> None:
        stands = self._kept_cursor.get()
        if stands == batch.position:
            return
        if stands != batch.after:
            raise CursorMoved
        written = documents(batch.events, self._prefix)
        self._indices.make_ready({document.index for document in written})
        refused = Bulk(self._connection).write(written)
        if refused:
            refuse(refused)
        self._kept_cursor.put(batch.position)

    def erase(self, user_id: str) -> int:
        return erase(self._connection, self._indices.names(), user_id)

    def reset(self) -> None:
        self._kept_cursor.put(None)
        names = self._indices.names()
        ours = {name for name, mapping in self._indices.mappings(names).items() if mapping.is_ours}
        self._indices.delete(sorted(ours))
        written_here = {"bool": {"filter": [{"exists": {"field": field}} for field in _OUR_FIELDS]}}
        for path in paths([name for name in names if name not in ours]):
            self._connection.ask("POST", f"{path}/_refresh")
            remove(self._connection, path, written_here)

    def expire(self, before_us: int) -> int:
        first_kept = to_datetime(before_us).date()
        days = {name: self._indices.day(name) for name in self._indices.names()}
        over = [name for name, day in days.items() if day is not None and day < first_kept]
        self._indices.delete(over)
        return len(over)

    def health(self) -> None:
        self._connection.ask("GET", "/")

    def close(self) -> None:
        self._connection.close()
