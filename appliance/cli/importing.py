"""``appliance import``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_line, print_result, progress_bar
from appliance.cli.target import Progress, Where

if TYPE_CHECKING:  # imported where it is used: the command line must start fast
    from appliance.ingest.chunks import Refused
    from appliance.ingest.import_run import Outcome
    from appliance.ingest.mapping import Mapping
    from appliance.ingest.sources import FileSource
    from appliance.ingest.told import Told

Format = Literal["ndjson", "csv", "parquet"]


def import_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Files to read; - is standard input.")],
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option(help="Format of the files. [default: by suffix; of standard input ndjson]")
    ] = None,
    *,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Take FIELD, or properties.NAME, from this column."),
    ] = None,
    constants: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Give every event this value.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read what the columns are from a file in YAML.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be stored and refused, and store nothing.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Store nothing at all if one event is bad.")] = False,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Don't go on where an interrupted import of a file stopped.")
    ] = False,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Store the events of files.

    Good events are stored, those that the log has already are passed over. Bad ones are kept as dead letters
    with the line they stand on, and the command ends with 1. Files may be compressed with gzip or zstd. An
    event without an event_id is known by its file's name, its line's number and its bytes, so that the same
    import run again stores nothing twice. One that was interrupted goes on where it stopped.

    --map, --set and --mapping say what the columns of a foreign CSV or Parquet file are.
    """
    where = Where(data, config, url, key)
    with progress_bar(in_bytes=True) as progress:
        sources = list(_sources(files, format, _mapping(mapping, columns, constants), progress))
        if dry_run:
            from appliance.cli.import_preview import preview_all  # noqa: PLC0415

            previews = preview_all(sources, where)
        else:
            outcome = _run(sources, where, strict=strict, from_start=from_start)
    if dry_run:
        from appliance.cli.import_preview import print_previews  # noqa: PLC0415

        print_previews(previews, as_json=as_json)
        found_wanting = any(found.rejected for found in previews)
    else:
        _print(outcome, strict=strict, as_json=as_json)
        found_wanting = outcome.rejected > 0
    if found_wanting:
        raise typer.Exit(1)


def _mapping(file: Path | None, columns: list[str] | None, constants: list[str] | None) -> Mapping | None:
    from appliance.ingest.mapping import BadMapping  # noqa: PLC0415
    from appliance.ingest.mapping_file import read_mapping  # noqa: PLC0415

    try:
        return read_mapping(file, columns or (), constants or ())
    except BadMapping as fault:
        raise typer.BadParameter(fault.message) from fault


def _sources(
    files: Sequence[str], given: Format | None, mapping: Mapping | None, progress: Progress
) -> Iterator[FileSource]:
    from appliance.ingest.file_formats import format_of  # noqa: PLC0415
    from appliance.ingest.sources import STDIN, FileSource  # noqa: PLC0415

    if files.count(STDIN) > 1:
        raise typer.BadParameter("standard input can be read only once")
    for file in files:
        found = given or format_of(file) or ("ndjson" if file == STDIN else None)
        if found is None:
            raise typer.BadParameter(f"{file}: its suffix names no format: add --format ndjson, csv or parquet")
        if mapping is not None and found == "ndjson":
            raise typer.BadParameter(f"{file}: NDJSON has no columns to map: add --format csv if it is CSV")
        # a missing file is noticed before anything of the others is stored
        size = 0 if file == STDIN else Path(file).stat().st_size
        yield FileSource(file, found, mapping, _told(progress, file, size))


def _told(progress: Progress, file: str, size: int) -> Told:
    from appliance.ingest.delimiters import NAMES  # noqa: PLC0415
    from appliance.ingest.told import Told  # noqa: PLC0415

    said: set[str] = set()

    def on_delimiter(found: str) -> None:
        if found != "," and found not in said:
            said.add(found)
            print_line(f"{file}: columns are separated by {NAMES[found]}", to_stderr=True)

    return Told(on_delimiter=on_delimiter, on_read=lambda done: progress(file, done, size))


def _run(sources: list[FileSource], where: Where, *, strict: bool, from_start: bool) -> Outcome:
    from appliance.cli.import_target import open_import  # noqa: PLC0415
    from appliance.clock import SystemClock  # noqa: PLC0415
    from appliance.ingest.import_run import ImportRun  # noqa: PLC0415
    from appliance.ingest.sources import rereadable  # noqa: PLC0415

    with ExitStack() as stack:
        readable = [stack.enter_context(rereadable(source)) if strict else source for source in sources]
        receiver = stack.enter_context(open_import(where))
        run = ImportRun(receiver, SystemClock(), time.sleep, from_start=from_start, on_resume=_tell_resumed)
        return run.run(readable, strict=strict)


def _tell_resumed(file: str, line: int) -> None:
    print_line(f"{file}: resumed after line {line:,}", to_stderr=True)


def _print(outcome: Outcome, *, strict: bool, as_json: bool) -> None:
    result = {
        "stored": outcome.stored,
        "duplicates": outcome.duplicates,
        "rejected": outcome.rejected,
        "refused": [plain_refusal(origin, line) for origin, line in outcome.refused],
        "resumed": outcome.resumed,
    }
    fate = "nothing was stored" if strict else "kept as dead letters"
    text = f"{outcome.stored:,} stored, {outcome.duplicates:,} duplicates, {outcome.rejected:,} rejected"
    print_result(result, text + (f" ({fate})" if outcome.rejected else ""), as_json=as_json)
    if not as_json:
        print_refused(outcome.refused, outcome.rejected)


def plain_refusal(origin: str, line: Refused) -> dict[str, object]:
    return {"origin": origin, "code": line.code, "field": line.field, "message": line.message}


def print_refused(refused: Sequence[tuple[str, Refused]], total: int) -> None:
    """The first refused lines, each with its place, and how many more there are."""
    for origin, line in refused:
        field = f" {line.field}" if line.field else ""
        print_line(f"{origin}: {line.code}{field}: {line.message}", to_stderr=True)
    if total > len(refused):
        print_line(f"and {total - len(refused):,} more", to_stderr=True)
