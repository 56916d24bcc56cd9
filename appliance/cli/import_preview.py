"""``appliance import --dry-run``: what would become of the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from appliance.cli.importing import plain_refusal, print_refused
from appliance.cli.printing import print_line, print_result, print_table
from appliance.cli.target import Where, load_settings
from appliance.clock import SystemClock
from appliance.ingest.intake import Decoder
from appliance.ingest.preview import Preview, preview
from appliance.ingest.sources import FileSource


def preview_all(sources: Sequence[FileSource], where: Where) -> list[Preview]:
    """Judged by the settings of this command: neither a data folder nor a server is touched."""
    decoder = Decoder(load_settings(where), SystemClock())
    return [preview(source, decoder) for source in sources]


def print_previews(previews: Sequence[Preview], *, as_json: bool) -> None:
    if as_json:
        print_result({"files": [_plain(found) for found in previews]}, "", as_json=True)
        return
    for found in previews:
        _print(found)


def _plain(found: Preview) -> dict[str, Any]:
    return {
        "file": found.file,
        "columns": [placed._asdict() for placed in found.columns],
        "events": found.events,
        "good": found.good,
        "rejected": found.rejected,
        "refused": [plain_refusal(*line) for line in _with_origin(found)],
    }


def _print(found: Preview) -> None:
    if found.columns:
        print_table(("column", "goes to"), found.columns)
        print_line("")
    for event in found.events:
        print_line(msgspec.json.encode({name: value for name, value in event.items() if value is not None}).decode())
    print_line(f"{found.file}: {found.good:,} would be stored, {found.rejected:,} refused; nothing was stored")
    print_refused(_with_origin(found), found.rejected)


def _with_origin(found: Preview) -> list[tuple[str, Any]]:
    return [(f"{found.file}:{line.number}", line) for line in found.refused]
