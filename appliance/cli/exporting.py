"""``appliance export``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_result, progress_bar
from appliance.cli.target import Where, open_target

if TYPE_CHECKING:  # imported where it is used: the command line must start fast
    from appliance.cli.output import Output

Format = Literal["ndjson", "csv", "parquet"]


def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="File to write; - is standard output.")],
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option(help="Format of the file. [default: by suffix, else ndjson]")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Only events that happened at TIME or later.")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help="Only events that happened before TIME.")] = None,
    *,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Write the events of the log to a file, as they are at one moment.

    A file whose name ends in .gz or .zst is compressed. The file appears under its name when it is complete.
    Times are ISO 8601, in UTC where they say no offset. With - as the FILE the result of --json goes to
    standard error.
    """
    from appliance.cli.output import STDOUT, open_output  # noqa: PLC0415
    from appliance.ingest.file_formats import format_of  # noqa: PLC0415

    from_us, to_us = bounds_us = (_instant(from_, "--from"), _instant(to, "--to"))
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise typer.BadParameter("--from must be before --to")
    name = format or format_of(file) or "ndjson"
    with (
        open_target(Where(data, config, url, key)) as target,
        open_output(file) as output,
        progress_bar(in_bytes=True) as progress,
    ):

        def write(piece: bytes) -> None:
            output.write(piece)
            progress("written", output.size_bytes, 0)

        events = target.export(name, bounds_us, write)
    result = {"file": file, "format": name, "events": events, "bytes": output.size_bytes}
    _print(result, output, events, as_json=as_json, to_stderr=file == STDOUT)


def _print(result: dict[str, object], output: Output, events: int, *, as_json: bool, to_stderr: bool) -> None:
    text = f"{events:,} events, {output.size_bytes:,} bytes written"
    print_result(result, text, as_json=as_json, to_stderr=to_stderr)


def _instant(text: str | None, option: str) -> int | None:
    from appliance.events.timestamps import instant_us  # noqa: PLC0415

    if text is None:
        return None
    try:
        return instant_us(int(text) if text.isdecimal() and len(text) > 8 else text)
    except (ValueError, OverflowError) as fault:
        raise typer.BadParameter(f"{option}: write a time such as 2026-01-31T12:00:00Z") from fault
