"""``appliance verify`` and ``appliance rebuild``."""

from __future__ import annotations

from typing import Any

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_line, print_result, progress_bar
from appliance.cli.target import Where, open_target


def verify(
    *, data: Data = None, config: Config = None, url: Url = None, key: Key = None, as_json: Json = False
) -> None:
    """Recompute everything that is derived from the log and compare it with what is stored.

    Ends with 1 on any difference, and lists the first ones.
    """
    with open_target(Where(data, config, url, key)) as target, progress_bar() as progress:
        result = target.verify(progress)
    print_result(result, _summary(result), as_json=as_json)
    if not as_json:
        _print_differences(result)
    if not result["ok"]:
        raise typer.Exit(1)


def rebuild(
    *, data: Data = None, config: Config = None, url: Url = None, key: Key = None, as_json: Json = False
) -> None:
    """Make everything that is derived from the log anew, while ingest goes on."""
    with open_target(Where(data, config, url, key)) as target, progress_bar() as progress:
        result = target.rebuild(progress)
    text = f"{result['events']:,} events counted anew, {result['first_times_corrected']:,} first times corrected"
    print_result(result, text, as_json=as_json)


def _summary(result: dict[str, Any]) -> str:
    found = "no difference" if result["ok"] else f"{result['total']:,} differences"
    waiting = f", {result['behind']:,} more wait to be counted" if result["behind"] else ""
    return f"{found} in {len(result['checks'])} checks over {result['events']:,} events{waiting}"


def _print_differences(result: dict[str, Any]) -> None:
    for difference in result["differences"]:
        key = ", ".join(f"{name} {value}" for name, value in difference["key"].items() if value is not None)
        print_line(f"{difference['check']}: {key}: expected {difference['expected']}, found {difference['found']}")
    if result["total"] > len(result["differences"]):
        print_line(f"and {result['total'] - len(result['differences']):,} more")
