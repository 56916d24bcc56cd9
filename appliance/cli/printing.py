"""What a command tells: its result on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from appliance.cli.target import Progress


def print_result(result: dict[str, Any], text: str, *, as_json: bool, to_stderr: bool = False) -> None:
    """The result for machines or for people; on standard error where the output itself holds data."""
    import msgspec  # noqa: PLC0415 - `--help` starts faster without it

    encoded = msgspec.json.encode(result, enc_hook=str).decode() if as_json else text
    print_line(encoded, to_stderr=to_stderr)


def print_line(text: str, *, to_stderr: bool = False) -> None:
    (sys.stderr if to_stderr else sys.stdout).write(text + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows of text below the names of their columns: as wide as they are, for a shell to cut and sort."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def progress_bar(*, in_bytes: bool = False) -> Iterator[Progress]:
    """A bar for each thing worked on, on a terminal only; a total of 0 is one that nobody knows.

    ``in_bytes``: what is counted are bytes, and so many a second come and so long it still takes.
    """
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = _byte_columns() if in_bytes else Bars.get_default_columns()
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            words = what if total or in_bytes else f"{what}: {done:,}"
            bars.update(tasks[what], description=words, completed=done, total=total or None)

        yield show


def _byte_columns() -> tuple[Any, ...]:
    from rich import progress  # noqa: PLC0415

    return (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(binary_units=True),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )


def _silent(what: str, done: int, total: int) -> None:
    """Nobody watches."""
