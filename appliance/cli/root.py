"""The command's root: groups of commands, and how errors and exit codes reach the shell."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final, NoReturn

import typer

from appliance import __version__
from appliance.cli import (
    check,
    dead_letters,
    exporting,
    healthcheck,
    importing,
    keys,
    mirrors,
    querying,
    serve,
    verification,
    version,
)
from appliance.errors import ApplianceError, BadArgument

WRONG_USE: Final = 2
FAILED: Final = 3
_INTERRUPTED: Final = 130  # how Typer reports Ctrl-C

application = typer.Typer(
    name="appliance",
    help="Real-time analytics for growth and e-mail teams in one process: durable, truthful, light.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@application.callback()
def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None: ...


application.command("serve")(serve.serve)
application.command("import")(importing.import_files)
application.command("export")(exporting.export)
application.command("query")(querying.query)
application.command("verify")(verification.verify)
application.command("rebuild")(verification.rebuild)
application.command("check")(check.check)
application.command("healthcheck")(healthcheck.healthcheck)
application.add_typer(dead_letters.application, name="dead-letters")
application.add_typer(keys.application, name="keys")
application.add_typer(mirrors.application, name="mirrors")
application.command("version")(version.version)


def main() -> NoReturn:
    """Run the command line. Exit codes: 0 done, 1 found wanting, 2 wrong use, 3 failed."""
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read our output has left: nobody is there to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    sys.exit(code)


def _run() -> int:
    try:
        code = application(standalone_mode=False, prog_name="appliance")
    except BrokenPipeError:
        raise
    except SystemExit as fault:
        # Typer's own answer to a broken pipe
        raise BrokenPipeError from fault
    except typer.TyperException as fault:
        return _fail(_usage(fault), WRONG_USE)
    except BadArgument as fault:
        return _fail(f"{fault.field}: {fault.message}" if fault.field else fault.message, WRONG_USE)
    except (ApplianceError, OSError) as fault:
        return _fail(fault.message if isinstance(fault, ApplianceError) else _of_the_system(fault), FAILED)
    except KeyboardInterrupt:
        return _fail("interrupted", FAILED)
    if code == _INTERRUPTED:
        return _fail("interrupted", FAILED)
    return code if isinstance(code, int) else 0


def _of_the_system(fault: OSError) -> str:
    place = f"{fault.filename}: " if fault.filename is not None else ""
    return f"{place}{fault.strerror or fault}"


def _usage(fault: typer.TyperException) -> str:
    message: str = getattr(fault, "format_message", lambda: str(fault))()
    context = getattr(fault, "ctx", None)
    path = context.command_path if context is not None else "appliance"
    return f"{message.rstrip('.')} (see `{path} --help`)"


def _fail(message: str, code: int) -> int:
    # one line, whatever the message holds
    sys.stderr.write(f"appliance: {' '.join(message.split())}\n")
    return code
