"""``appliance dead-letters``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_line, print_result, print_table, progress_bar
from appliance.cli.target import Where

if TYPE_CHECKING:  # imported where it is used: the command line must start fast
    from appliance.cli.letter_target import LetterTarget

application = typer.Typer(help="List, mend, replay and discard refused events.", no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, as `dead-letters list` shows them.")]
Everything = Annotated[bool, typer.Option("--all", help="All letters, or all that --source and --code select.")]
Source = Annotated[str | None, typer.Option(help="Only letters that came this way: http, import, ….")]
Code = Annotated[str | None, typer.Option(help="Only letters refused with this code.")]

_LISTED_REFUSED = 20
_LONGEST_CELL = 60


@application.command("list")
def list_letters(
    *,
    source: Source = None,
    code: Code = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Received at TIME or later.")] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help="Received before TIME.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 100,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List refused events, the newest first."""
    from appliance.cli.letter_pages import pages  # noqa: PLC0415
    from appliance.cli.letter_target import open_letters  # noqa: PLC0415

    found: list[dict[str, Any]] = []
    told: dict[str, Any] = {}
    with open_letters(Where(data, config, url, key)) as target:
        for told in pages(target, _chosen(source=source, code=code, from_=from_, to=to), limit):
            found += told["dead_letters"]
    if as_json:
        print_result(told | {"dead_letters": found}, "", as_json=True)
        return
    columns = ("id", "received_at", "source", "code", "field", "message")
    if found:
        print_table(columns, [[_cell(letter[column]) for column in columns] for letter in found])
    dropped = f", {told['dropped']:,} were let go by the bounds" if told["dropped"] else ""
    print_line(f"{len(found):,} of {told['total']:,} dead letters{dropped}", to_stderr=True)


@application.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The letter's id.")],
    *,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Show one refused event, with what it was sent as."""
    from appliance.cli.letter_target import open_letters  # noqa: PLC0415

    with open_letters(Where(data, config, url, key)) as target:
        letter = target.show(letter_id)
    lines = [f"{name}: {value}" for name, value in letter.items() if name != "payload" and value is not None]
    print_result(letter, "\n".join([*lines, "", letter["payload"]]), as_json=as_json)


@application.command("replay")
def replay(
    ids: Ids = None,
    *,
    everything: Everything = False,
    code: Code = None,
    source: Source = None,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Judge refused events anew, as they are, and store those that are good now.

    The others stay, and the command ends with 1. Replayed again, nothing is stored twice.
    """
    from appliance.cli.letter_pages import replay_all  # noqa: PLC0415
    from appliance.cli.letter_target import open_letters  # noqa: PLC0415

    with open_letters(Where(data, config, url, key)) as target, progress_bar() as progress:
        chosen = _ids(target, ids, _chosen(source=source, code=code), everything=everything)
        outcome = replay_all(target, chosen, progress)
    _tell(outcome, as_json=as_json)


@application.command("mend")
def mend(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The letter's id.")],
    *,
    event: Annotated[str | None, typer.Option(metavar="JSON", help="The mended event.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="File with it; - is standard input.")] = None,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Store a mended event in the place of a refused one.

    Without --event and --file it is opened in $EDITOR. An event that is refused again leaves the letter as it was, and
    the command ends with 1.
    """
    from appliance.cli.letter_pages import parsed_event  # noqa: PLC0415
    from appliance.cli.letter_target import open_letters  # noqa: PLC0415

    if event is not None and file is not None:
        raise typer.BadParameter("give either --event or --file")
    text = event if event is not None else _read(file) if file is not None else None
    with open_letters(Where(data, config, url, key)) as target:
        if text is None:
            text = _edited(target.show(letter_id))
        answer = target.replay({"events": [{"id": letter_id, "event": parsed_event(text)}]})
    answer["rejected"] = [{**refused, "id": letter_id} for refused in answer["rejected"]]
    _tell(answer, as_json=as_json)


@application.command("discard")
def discard(
    ids: Ids = None,
    *,
    everything: Everything = False,
    code: Code = None,
    source: Source = None,
    data: Data = None,
    config: Config = None,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Remove refused events for good. Ends with 1 if one of the ids named is no letter's."""
    from appliance.cli.letter_target import open_letters  # noqa: PLC0415

    with open_letters(Where(data, config, url, key)) as target, progress_bar() as progress:
        chosen = _ids(target, ids, _chosen(source=source, code=code), everything=everything)
        discarded = target.discard(chosen, lambda done: progress("discarding", done, len(chosen)))
    missing = 0 if everything else len(set(chosen)) - discarded
    text = f"{discarded:,} discarded" + (f", {missing:,} not found" if missing else "")
    print_result({"discarded": discarded, "not_found": missing}, text, as_json=as_json)
    if missing:
        raise typer.Exit(1)


def _chosen(*, source: str | None, code: str | None, from_: str | None = None, to: str | None = None) -> dict[str, str]:
    """The arguments of a list, those that were given."""
    given = {"source": source, "code": code, "from": from_, "to": to}
    return {name: value for name, value in given.items() if value is not None}


def _ids(target: LetterTarget, ids: list[str] | None, chosen: dict[str, str], *, everything: bool) -> list[str]:
    from appliance.cli.letter_pages import every_id  # noqa: PLC0415

    if everything == bool(ids) or (chosen and not everything):
        raise typer.BadParameter("name ids, or --all, which --source and --code narrow down")
    return list(dict.fromkeys(ids)) if ids else every_id(target, chosen)


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")


def _edited(letter: dict[str, Any]) -> str:
    from appliance.cli.editor import edit  # noqa: PLC0415

    if not sys.stdin.isatty():
        raise typer.BadParameter("give the mended event with --event or --file")
    if letter["payload_encoding"] != "utf-8":
        raise typer.BadParameter("its bytes are no text: give the mended event with --event or --file")
    changed = edit(letter["payload"], ".json")
    if changed is None:
        raise typer.BadParameter("the event was not changed: nothing was sent")
    return changed


def _tell(outcome: dict[str, Any], *, as_json: bool) -> None:
    accepted, duplicates, refused = outcome["accepted"], outcome["duplicates"], outcome["rejected"]
    text = f"{accepted:,} stored, {duplicates:,} had been before, {len(refused):,} refused again"
    print_result(outcome, text, as_json=as_json)
    for letter in () if as_json else refused[:_LISTED_REFUSED]:
        field = f" {letter['field']}" if letter["field"] else ""
        print_line(f"{letter['id']}: {letter['code']}{field}: {letter['message']}", to_stderr=True)
    if not as_json and len(refused) > _LISTED_REFUSED:
        print_line(f"and {len(refused) - _LISTED_REFUSED:,} more", to_stderr=True)
    if refused:
        raise typer.Exit(1)


def _cell(value: str | None) -> str:
    text = "" if value is None else " ".join(value.split())
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
