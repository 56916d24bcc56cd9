"""docs/import-export.md: its files and commands do what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "import-export.md").read_text("utf-8")


def _files() -> dict[str, str]:
    """The files that the page shows, by the names that stand before them."""
    return dict(re.findall(r"`([\w.]+)`:\n\n```(?:text|yaml)\n(.*?)```", PAGE, re.DOTALL))


def _commands() -> list[tuple[str, str]]:
    """Each command with what it prints."""
    return re.findall(r"```console\n\$ appliance (.*?)\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_tells_what_happens(tmp_path: Path) -> None:
    """In order, in one folder, every command prints what stands below it; … is anything."""
    assert {"mails.csv", "mails.yaml"} == set(_files())
    for name, content in _files().items():
        (tmp_path / name).write_text(content)
    assert 0 == _run(tmp_path, "import /dev/null --format ndjson")[0]
    assert 4 == len(_commands())
    for command, expected in _commands():
        _, printed = _run(tmp_path, command)
        pattern = ".*".join(map(re.escape, expected.rstrip("\n").split("…")))
        assert re.fullmatch(pattern, printed.rstrip("\n"), re.DOTALL), (command, printed)


def _run(folder: Path, command: str) -> tuple[int, str]:
    """What a terminal would show: both streams in the order in which lines come."""
    told = subprocess.run(
        [sys.executable, "-u", "-m", "appliance", *shlex.split(command)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return told.returncode, told.stdout
