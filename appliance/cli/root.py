"""The command's root: groups of commands, and how errors and exit codes reach the shell."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from appliance.cli import serve
from appliance.errors import ApplianceError

application = typer.Typer(
    name="appliance",
    help="Real-time analytics for growth and e-mail teams in one process: durable, truthful, light.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@application.callback()
def _root() -> None:
    """Groups of commands hang on the root even while there is one."""


application.command("serve")(serve.serve)


def main() -> NoReturn:
    """Run the command line. Exit codes: 0 done, 1 found wanting, 2 wrong use, 3 failed."""
    try:
        application()
    except ApplianceError as error:
        sys.stderr.write(f"appliance: {error.message}\n")
        sys.exit(3)
    sys.exit(0)
