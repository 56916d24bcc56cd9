"""What a command works on: the data folder itself, or the server that has it open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from appliance import server_file
from appliance.errors import ApplianceError

if TYPE_CHECKING:  # imported where it is used: the command line must start fast
    from appliance.analytics.export import ExportFormat
    from appliance.cli.remote import Server
    from appliance.config import Settings

Part = TypeVar("Part")
Progress = Callable[[str, int, int], None]
"""Told what is being worked on, how much of it is done, and how much there is."""


class Target(Protocol):
    """The log, wherever it is open. Every call blocks and may raise any ``ApplianceError``."""

    def export(
        self, format_name: ExportFormat, bounds_us: tuple[int | None, int | None], write: Callable[[bytes], Any]
    ) -> int:
        """Write the file of the events that happened between the bounds; returns how many they are."""

    def query(self, sql: str) -> dict[str, Any]:
        """The answer to a SELECT, as ``POST /v1/query`` gives it; numbers with a fraction are ``Decimal``."""

    def verify(self, progress: Progress) -> dict[str, Any]:
        """As ``appliance.rollups.maintenance.verify_log``."""

    def rebuild(self, progress: Progress) -> dict[str, Any]:
        """As ``appliance.rollups.maintenance.rebuild_rollups``."""


@dataclass(frozen=True, slots=True)
class Where:
    """What the options say about the target: ``url`` (with ``key``) goes before ``data``."""

    data: Path | None = None
    config: Path | None = None
    url: str | None = None
    key: str | None = None


class NoDataFolder(ApplianceError):
    """There is no data folder here. Name one with --data."""

    code = "no_data_folder"


@contextmanager
def open_target(where: Where, *, make: bool = False) -> Iterator[Target]:
    """The target, closed at the end. ``make``: a folder that is missing or empty becomes a data folder.

    A ``server.json`` whose server doesn't answer to its token counts as left behind: the folder is opened, and
    where a process has it open all the same, that raises ``LogInUse``.
    """
    from appliance.cli.remote import connect  # noqa: PLC0415

    if where.url is not None:
        with connect(where.url, where.key) as server:
            yield server
        return
    settings = load_settings(where)
    running = running_server(settings.server.data)
    if running is not None:
        with connect(running.url, running.token) as server:
            yield server
        return
    check_folder(settings.server.data, make=make)
    speak_up()
    from appliance.cli.local import open_folder  # noqa: PLC0415

    with open_folder(settings) as folder:
        yield folder


@contextmanager
def open_part(
    where: Where,
    remote: Callable[[Server], Part],
    local: Callable[[Settings], AbstractContextManager[Part]],
    *,
    make: bool,
) -> Iterator[Part]:
    """A part of the server's, or that part of a data folder which no server has open, whose event log is left alone."""
    from appliance.cli.remote import connect  # noqa: PLC0415

    if where.url is not None:
        with connect(where.url, where.key) as server:
            yield remote(server)
        return
    settings = load_settings(where)
    running = running_server(settings.server.data)
    if running is not None:
        with connect(running.url, running.token) as server:
            yield remote(server)
        return
    check_folder(settings.server.data, make=make)
    speak_up()
    with local(settings) as part:
        yield part


def speak_up() -> None:
    """Warnings of the parts that this process runs itself go to standard error; all else is for a server's log."""
    from appliance.observability import configure_logging  # noqa: PLC0415

    configure_logging("warning")


def load_settings(where: Where) -> Settings:
    from appliance.config import load  # noqa: PLC0415

    return load(where.config, os.environ, {"server": {"data": where.data}} if where.data is not None else None)


def running_server(data: Path) -> server_file.ServerFile | None:
    """The server that has ``data`` open, if one answers."""
    from appliance.cli.remote import answers  # noqa: PLC0415

    try:
        found = server_file.read(data)
    except NotADirectoryError:
        return None
    return found if found is not None and answers(found) else None


def check_folder(data: Path, *, make: bool) -> None:
    """Raise ``NoDataFolder`` for what is none; ``make``: one that is missing or empty may become one."""
    if data.exists() and not data.is_dir():
        raise NoDataFolder(f"{data} is a file: name a data folder with --data")
    if (data / "events.duckdb").exists() or (make and _is_vacant(data)):
        return
    missing = "holds no event log" if data.exists() else "does not exist"
    raise NoDataFolder(f"{data} is no data folder, it {missing}: name one with --data")


def _is_vacant(data: Path) -> bool:
    """Whether a folder is missing, or holds nothing but keys that were made before the first start."""
    return not data.exists() or all(path.name.startswith("control.sqlite") for path in data.iterdir())
