"""Checks of this machine: versions, data folder, free space, ports."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Final

from appliance.cli.findings import Finding, failed, passed, warned
from appliance.cli.target import running_server
from appliance.config import Settings

_PYTHONS: Final = ((3, 11), (3, 14))
_FILE: Final = "events.duckdb"


def versions() -> list[Finding]:
    """Python and DuckDB: the versions that the appliance is made for."""
    return [_python(), _duckdb()]


def data_folder(settings: Settings) -> Iterator[Finding]:
    """Whether the data folder can be written, and whether there is room."""
    folder = settings.server.data
    yield _writable(folder)
    existing = _nearest(folder)
    free, needed = shutil.disk_usage(existing).free, settings.log.min_free_bytes
    room = f"{free:,} bytes free below {existing}"
    if free < needed:
        yield failed("free space", room, f"make room: below {needed:,} bytes (log.min_free_bytes) events are refused")
    elif free < 2 * needed:
        yield warned("free space", room, f"make room soon: below {needed:,} bytes events are refused")
    else:
        yield passed("free space", room)


def ports(settings: Settings) -> Iterator[Finding]:
    """Whether the two listeners can have their ports; those of a server that has this data folder open are in order."""
    server = settings.server
    running = running_server(server.data)
    own = {running.url, running.ui_url} if running is not None else set()
    for option, port in (("port", server.port), ("ui-port", server.ui_port)):
        if any(url.endswith(f":{port}") for url in own):
            yield passed(option, f"{port} is used by the server of this data folder")
        else:
            yield _port(option, server.host, port)


def _python() -> Finding:
    found = platform.python_version()
    if _PYTHONS[0] <= sys.version_info[:2] < _PYTHONS[1]:
        return passed("Python", found)
    return warned("Python", found, "the appliance is tested on 3.11, 3.12 and 3.13: use one of them")


def _duckdb() -> Finding:
    found, wanted = version_of("duckdb"), _pinned("duckdb")
    if wanted in (None, found):
        return passed("DuckDB", found)
    return failed("DuckDB", found, f"install duckdb=={wanted}: other versions write other files")


def _pinned(package: str) -> str | None:
    """The one version that the appliance's own requirements name; ``None`` in a bare checkout."""
    try:
        found = [re.fullmatch(rf"{package}==([\w.]+).*", text) for text in requires("analytics-appliance") or ()]
    except PackageNotFoundError:
        return None
    return next((match[1] for match in found if match), None)


def _writable(folder: Path) -> Finding:
    existing = _nearest(folder)
    shown = str(folder.resolve())
    if not existing.is_dir():
        return failed("data folder", f"{existing} is a file", "name another folder with --data or server.data")
    if not os.access(existing, os.W_OK | os.X_OK):
        return failed("data folder", f"{existing} can't be written", "give its owner's rights to this user")
    if existing != folder.resolve():
        return passed("data folder", f"{shown} will be made")
    if not (folder / _FILE).exists() and any(folder.iterdir()):
        return warned("data folder", f"{shown} holds other files and no event log", "name an empty folder, or this one")
    return passed("data folder", shown)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    path = folder.resolve()
    while not path.exists():
        path = path.parent
    return path


def _port(option: str, host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as fault:
            reason = fault.strerror or str(fault)
            return failed(option, f"{port} of {host} can't be used: {reason}", f"name another one with --{option}")
    return passed(option, f"{port} of {host} is free")
