"""``appliance mirrors``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_line, print_result, print_table
from appliance.cli.target import Where, open_part

if TYPE_CHECKING:  # imported where it is used: the command line must start fast
    from appliance.cli.mirror_target import MirrorTarget

application = typer.Typer(
    help="Show and steer the mirrors to Redis, Elasticsearch and PostgreSQL. While no server runs, orders wait for it.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="redis, elasticsearch or postgresql.")]

_COLUMNS = ("name", "status", "lag_events", "lag_seconds", "dead_letters", "error")


@application.command("list")
def list_mirrors(
    *, data: Data = None, config: Config = None, url: Url = None, key: Key = None, as_json: Json = False
) -> None:
    """List the configured mirrors: how they stand, how far they are behind, what their targets refused."""
    with _open(Where(data, config, url, key)) as target:
        mirrors = target.list()
    if as_json:
        print_result({"mirrors": mirrors}, "", as_json=True)
        return
    if not mirrors:
        print_line("no mirror is configured")
        return
    print_table(_COLUMNS, [[_cell(mirror.get(column)) for column in _COLUMNS] for mirror in mirrors])


@application.command("pause")
def pause(
    name: Name, *, data: Data = None, config: Config = None, url: Url = None, key: Key = None, as_json: Json = False
) -> None:
    """Let a mirror rest until it is resumed. Events wait in the log; ingest doesn't notice."""
    _order(Where(data, config, url, key), name, "pause", f"{name} is paused", as_json=as_json)


@application.command("resume")
def resume(
    name: Name, *, data: Data = None, config: Config = None, url: Url = None, key: Key = None, as_json: Json = False
) -> None:
    """Let a mirror go on from where it stands; one that waits for its next try does so at once."""
    _order(Where(data, config, url, key), name, "resume", f"{name} goes on", as_json=as_json)


@application.command("rebuild")
def rebuild(
    name: Name,
    *,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Leave out what happened before, for good.")
    ] = None,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Remove what a mirror wrote to its target, and mirror the log from the beginning."""
    _order(Where(data, config, url, key), name, "rebuild", f"{name} begins anew", as_json=as_json, start=start)


def _order(where: Where, name: str, order: str, told: str, *, as_json: bool, start: str | None = None) -> None:
    with _open(where) as target:
        mirror = target.order(name, order, start)
        when = "" if target.running else " at the next start: no server runs here"
    print_result(mirror, told + when, as_json=as_json)


def _open(where: Where) -> AbstractContextManager[MirrorTarget]:
    from appliance.cli.mirror_target import LocalMirrors, RemoteMirrors  # noqa: PLC0415

    return open_part(where, RemoteMirrors, LocalMirrors.opened, make=False)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
