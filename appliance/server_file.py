"""``server.json`` in the data folder: how commands find the server that has the folder open."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

FILE_NAME: Final = "server.json"


class ServerFile(msgspec.Struct, frozen=True):
    """Where the running server listens, and the token that opens its internal routes to this machine's owner."""

    url: str
    ui_url: str
    token: str
    pid: int


def write(folder: Path, content: ServerFile) -> None:
    """Write the file, readable by its owner alone, in one step."""
    path = folder / FILE_NAME
    draft = folder / f"{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content)))
    draft.replace(path)


def read(folder: Path) -> ServerFile | None:
    """What a running server wrote, or ``None``; a file left behind by a dead process counts as none."""
    try:
        found = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=ServerFile)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return found if _is_alive(found.pid) else None


def remove(folder: Path) -> None:
    with suppress(OSError):  # a file left behind is recognised by its process
        (folder / FILE_NAME).unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
