"""``appliance keys``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_line, print_result, print_table
from appliance.cli.target import Where, open_part

if TYPE_CHECKING:  # imported where it is used: the command line must start fast
    from appliance.cli.key_target import KeyTarget

application = typer.Typer(help="Make, list and revoke the keys that open the appliance.", no_args_is_help=True)


class ScopeName(StrEnum):
    """The scopes, in the form that Typer takes in lists."""

    WRITE = "write"
    READ = "read"
    ADMIN = "admin"


_COLUMNS = ("id", "name", "scopes", "status", "created_at", "expires_at", "last_used_at")


@application.command("create")
def create(
    *,
    scope: Annotated[
        list[ScopeName],
        typer.Option(help="What the key may: post events, read, or everything. May be given more than once."),
    ],
    name: Annotated[str, typer.Option(help="What lists and logs call the key.")] = "unnamed",
    days: Annotated[int | None, typer.Option("--expires-in-days", metavar="DAYS", help="Ends after DAYS.")] = None,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it. It is shown this once: only its digest is kept."""
    wanted: dict[str, Any] = {"scopes": list(scope), "name": name}
    if days is not None:
        wanted["expires_in_days"] = days
    with _open(Where(data, config, url, key)) as target:
        made = target.create_key(wanted)
    print_result(made, made["key"], as_json=as_json)


@application.command("list")
def list_keys(
    *, data: Data = None, config: Config = None, url: Url = None, key: Key = None, as_json: Json = False
) -> None:
    """List the keys there are or were, the newest first."""
    with _open(Where(data, config, url, key)) as target:
        keys = target.list_keys()
    if as_json:
        print_result({"keys": keys}, "", as_json=True)
        return
    if not keys:
        print_line("there are no keys")
        return
    print_table(_COLUMNS, [[_cell(found[column]) for column in _COLUMNS] for found in keys])


@application.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")],
    *,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """End a key at once, and the sign-ins that were made with it."""
    with _open(Where(data, config, url, key)) as target:
        revoked = target.revoke_key(key_id)
    print_result(revoked, f"{revoked['id']} ({revoked['name']}) is revoked", as_json=as_json)


def _open(where: Where) -> AbstractContextManager[KeyTarget]:
    from appliance.cli.key_target import LocalKeys, RemoteKeys  # noqa: PLC0415

    return open_part(where, RemoteKeys, LocalKeys.opened, make=True)


def _cell(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
