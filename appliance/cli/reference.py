"""The command line's documentation, made from what ``--help`` says."""

from __future__ import annotations

from typing import Any, Final

import typer

from appliance.cli.root import application

_WIDTH: Final = 100

_INTRODUCTION: Final = """\
# Command line

Written by `scripts/docs` from what `--help` says.

A command that works on a data folder (`--data`, by default `var`) asks the server that has the folder open, if one
runs, and opens the folder itself otherwise. With `--url` and `--key` it asks the server at that address.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | found wanting: `verify`, `check` and `healthcheck` say so, and an `import` that met bad events |
| 2 | wrong use: the command line itself makes no sense |
| 3 | failed; one line on standard error says why |

Results go to standard output, with `--json` as one JSON object; everything else goes to standard error. Progress bars
are shown on a terminal only.

## Files of events

`import` reads what `export` writes, and gives an event back whole: with its `event_id` and its `received_at`.

- **NDJSON**: a JSON object a line, with the field names of the HTTP interface.
- **CSV**: RFC 4180 in UTF-8 with a header of field names. `properties` is a JSON object in one cell; a column of any
  other name becomes a property. An empty cell is a missing value. Cells are text and stay text, but for `properties`
  and for times of nine digits or more, which are Unix seconds, milliseconds or microseconds.
- **Parquet**: columns of the same names; times are timestamps (UTC where they have no zone), `properties` is JSON text
  or a struct. A column of any other name becomes a property of the column's own type.

`import` looks an `event_id` up in the whole log. An event without one is known by the name of its file, the number of
its line and its bytes: run again, also after an interruption, with lines mended in their place or with lines added at
the end, the same file stores nothing twice. A renamed file, or one whose lines have moved, is another file.

Foreign CSV and Parquet, mappings and interrupted imports: [import and export](import-export.md).
"""


def cli_reference() -> str:
    """The whole page, in Markdown."""
    root: Any = typer.main.get_command(application)
    context = typer.Context(root, info_name="appliance", terminal_width=_WIDTH, max_content_width=_WIDTH)
    sections = [_section("appliance", root.get_help(context))]
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        inner = typer.Context(command, info_name=name, parent=context, terminal_width=_WIDTH, max_content_width=_WIDTH)
        sections.append(_section(f"appliance {name}", command.get_help(inner)))
    return _INTRODUCTION + "\n" + "\n".join(sections)


def _section(title: str, text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"## {title}\n\n```text\n{lines}\n```\n"
