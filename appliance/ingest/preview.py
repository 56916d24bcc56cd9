"""What an import would do: where columns go, how events would be stored, and what would be refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from appliance.clock import iso
from appliance.events.row import AMOUNT_SCALE, EventRow
from appliance.ingest.chunks import Refused, chunks
from appliance.ingest.import_run import LISTED
from appliance.ingest.importer import judge_chunk
from appliance.ingest.intake import Decoder
from appliance.ingest.mapped_rows import Placed
from appliance.ingest.sources import FileSource

SHOWN: Final = 5


@dataclass(slots=True)
class Preview:
    """Of one file. ``events`` are the first good ones; ``refused`` lists the first bad lines, all are counted."""

    file: str
    columns: Sequence[Placed] = ()
    events: list[dict[str, Any]] = field(default_factory=list)
    good: int = 0
    rejected: int = 0
    refused: list[Refused] = field(default_factory=list)


def preview(source: FileSource, decoder: Decoder) -> Preview:
    """Read the whole file and store nothing. Ids that the log has already are not looked for.

    Raises what reading the file raises.
    """
    found = Preview(source.origin)

    def on_columns(placed: Sequence[Placed]) -> None:
        found.columns = placed

    watched = replace(source, told=replace(source.told, on_columns=on_columns))
    intake = decoder.intake("import", restore_received=True)
    for chunk in chunks(source.name, source.origin, watched.lines()):
        judged = judge_chunk(chunk, decoder.wire_limits, intake)
        found.good += len(judged.rows)
        found.rejected += len(judged.refused)
        found.refused += judged.refused[: LISTED - len(found.refused)]
        found.events += [_shown(EventRow(*row)) for row in judged.rows[: SHOWN - len(found.events)]]  # type: ignore[arg-type]
    return found


def _shown(row: EventRow) -> dict[str, Any]:
    """The event's own fields, and the money that was found in its properties."""
    return {
        "event_id": str(UUID(bytes=row.event_id)),
        "event_type": row.event_type,
        "user_id": row.user_id,
        "timestamp": iso(row.timestamp_us),
        "session_id": row.session_id,
        "campaign_id": row.campaign_id,
        "amount": None if row.amount is None else str(Decimal(row.amount) / AMOUNT_SCALE),
        "currency": row.currency,
        "properties": msgspec.Raw(row.properties.encode()),
    }
