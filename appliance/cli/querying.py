"""``appliance query``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_line
from appliance.cli.target import Where, open_target

Format = Literal["table", "csv", "ndjson"]

_STDIN = "-"


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT statement; - reads it from standard input.")],
    format: Annotated[Format, typer.Option(help="Shape of the rows.")] = "table",  # noqa: A002 - the option's name
    *,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Read the log with SQL.

    There are the views events, rollup_minute, rollup_hour and rollup_day. Time, rows, bytes and memory are bounded
    by the settings of the section query; that rows were cut off is told on standard error.
    """
    statement = sys.stdin.read() if sql == _STDIN else sql
    if not statement.strip():
        raise typer.BadParameter("SQL: there is no statement")
    with open_target(Where(data, config, url, key)) as target:
        answer = target.query(statement)
    if as_json:
        from appliance.query.decoding import encode_value  # noqa: PLC0415 - the command line must start fast

        print_line(encode_value(answer))
        return
    _PRINTERS[format]([column["name"] for column in answer["columns"]], answer["rows"])
    if answer["truncated"]:
        print_line(f"the first {answer['row_count']:,} rows; there are more", to_stderr=True)


def _print_table(names: list[str], rows: list[list[Any]]) -> None:
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for at, name in enumerate(names):
        is_number = any(_is_number(row[at]) for row in rows)
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        # a value that holds brackets or control characters is text, and nothing that styles the terminal
        table.add_row(*(Text(_visible(_plain(value))) for value in row))
    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    console.print(table, crop=sys.stdout.isatty())


def _print_csv(names: list[str], rows: list[list[Any]]) -> None:
    import csv  # noqa: PLC0415

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_plain(value) for value in row] for row in rows)


def _print_ndjson(names: list[str], rows: list[list[Any]]) -> None:
    from appliance.query.decoding import encode_value  # noqa: PLC0415

    unique = _distinct(names)
    for row in rows:
        print_line(encode_value(dict(zip(unique, row, strict=True))))


def _distinct(names: list[str]) -> list[str]:
    """Names of an object's members: columns of one name are told apart by a number."""
    made: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in made:
            number += 1
            candidate = f"{name}_{number}"
        made.append(candidate)
    return made


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    from appliance.query.decoding import encode_value  # noqa: PLC0415

    return encode_value(value)


def _visible(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _is_number(value: Any) -> bool:
    from decimal import Decimal  # noqa: PLC0415

    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


_WIDE = 10_000
_PRINTERS: dict[str, Callable[[list[str], list[list[Any]]], None]] = {
    "table": _print_table,
    "csv": _print_csv,
    "ndjson": _print_ndjson,
}
