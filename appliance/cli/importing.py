"""``appliance import``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_line, print_result, progress_bar
from appliance.cli.target import Progress, Where, open_target

if TYPE_CHECKING:  # imported where it is used: the command line must start fast
    from appliance.ingest.import_run import Outcome
    from appliance.ingest.sources import FileSource

Format = Literal["ndjson", "csv", "parquet"]


def import_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Files to read; - is standard input.")],
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option(help="Format of the files. [default: by suffix; of standard input ndjson]")
    ] = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Store nothing at all if one event is bad.")] = False,
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
    import run again stores nothing twice.
    """
    with progress_bar() as progress:
        sources = list(_sources(files, format, progress))
        outcome = _run(sources, Where(data, config, url, key), strict=strict)
    _print(outcome, strict=strict, as_json=as_json)
    if outcome.rejected:
        raise typer.Exit(1)


def _sources(files: Sequence[str], given: Format | None, progress: Progress) -> Iterator[FileSource]:
    from appliance.ingest.file_formats import format_of  # noqa: PLC0415
    from appliance.ingest.sources import STDIN, FileSource  # noqa: PLC0415

    if files.count(STDIN) > 1:
        raise typer.BadParameter("standard input can be read only once")
    for file in files:
        found = given or format_of(file) or ("ndjson" if file == STDIN else None)
        if found is None:
            raise typer.BadParameter(f"{file}: its suffix names no format: add --format ndjson, csv or parquet")
        # a missing file is noticed before anything of the others is stored
        size = 0 if file == STDIN else Path(file).stat().st_size
        yield FileSource(file, found, _watcher(progress, file, size))


def _watcher(progress: Progress, file: str, size: int) -> Any:
    return lambda done: progress(file, done, size)


def _run(sources: list[FileSource], where: Where, *, strict: bool) -> Outcome:
    from appliance.clock import SystemClock  # noqa: PLC0415
    from appliance.ingest.import_run import ImportRun  # noqa: PLC0415
    from appliance.ingest.sources import rereadable  # noqa: PLC0415

    with ExitStack() as stack:
        readable = [stack.enter_context(rereadable(source)) if strict else source for source in sources]
        target = stack.enter_context(open_target(where, make=True))
        return ImportRun(target.take, SystemClock(), time.sleep).run(readable, strict=strict)


def _print(outcome: Outcome, *, strict: bool, as_json: bool) -> None:
    refused = [
        {"origin": origin, "code": line.code, "field": line.field, "message": line.message}
        for origin, line in outcome.refused
    ]
    result = {
        "stored": outcome.stored,
        "duplicates": outcome.duplicates,
        "rejected": outcome.rejected,
        "refused": refused,
    }
    fate = "nothing was stored" if strict else "kept as dead letters"
    text = f"{outcome.stored:,} stored, {outcome.duplicates:,} duplicates, {outcome.rejected:,} rejected"
    print_result(result, text + (f" ({fate})" if outcome.rejected else ""), as_json=as_json)
    for line in () if as_json else refused:
        field = f" {line['field']}" if line["field"] else ""
        print_line(f"{line['origin']}: {line['code']}{field}: {line['message']}", to_stderr=True)
    if not as_json and outcome.rejected > len(refused):
        print_line(f"and {outcome.rejected - len(refused):,} more", to_stderr=True)
