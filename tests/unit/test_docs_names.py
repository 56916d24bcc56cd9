"""What the documentation names exists: files, headings, folders, scripts, commands, settings, rooms."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli.reference import cli_reference
from appliance.config.catalogue import catalogue, dotted

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text("utf-8")
WRITTEN = [page for page in PAGES if page.name not in ("cli.md", "configuration.md", "performance.md")]
"""Pages that people write."""

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def _anchors(page: Path) -> set[str]:
    """The names of a page's headings, as web views of Markdown make them."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_prose(page)):
        target, _, anchor = link.partition("#")
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that is there and, after #, a heading in it."""
    assert [] == list(_broken_links(page))


def test_the_folder_table_lists_every_folder() -> None:
    """README.md has a row for each top-level folder that holds files, and none for others."""
    listed = set(re.findall(r"^\| `([\w.]+)/` \|", README, re.MULTILINE))
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and any(p.is_file() for p in path.rglob("*"))}
    visible = {name for name in folders if not name.startswith(".") and name not in ignored}
    assert visible == {name for name in listed if not name.startswith(".")}
    assert listed <= folders


@pytest.mark.parametrize("page", WRITTEN, ids=_name)
def test_scripts_exist(page: Path) -> None:
    """Every scripts/NAME that a page names is a file that can be run."""
    named = set(re.findall(r"(?<![\w/.])(?:\./)?(scripts/\w+)", page.read_text("utf-8")))
    assert [] == sorted(name for name in named if not os.access(ROOT / name, os.X_OK))


@pytest.mark.parametrize("page", WRITTEN, ids=_name)
def test_commands_exist(page: Path) -> None:
    """Every `appliance NAME …` that a page names is a command."""
    commands = set(re.findall(r"^## appliance ([\w-]+)$", cli_reference(), re.MULTILINE))
    named = {span.split()[1] for span in _SPAN.findall(_prose(page)) if re.match(r"appliance [a-z]", span)}
    assert set() == named - commands


@pytest.mark.parametrize("page", WRITTEN, ids=_name)
def test_settings_exist(page: Path) -> None:
    """Every `section.setting` that a page names is a setting."""
    known = {dotted(path) for path in catalogue().settings}
    sections = "|".join({path[0] for path in catalogue().settings})
    named = {span for span in _SPAN.findall(_prose(page)) if re.fullmatch(rf"(?:{sections})\.[a-z_]+", span)}
    assert set() == {name for name in named if not name.endswith((".py", ".sql", ".json"))} - known


def test_the_readme_runs_the_two_commands() -> None:
    """A reader finds how to run it and how to test it, each as a block of its own."""
    assert "```console\n./scripts/run --demo\n```" in README
    assert "```console\n./scripts/test\n```" in README


def test_the_room_table_lists_every_room() -> None:
    """docs/architecture.md has every package and module of the product, and none that isn't there."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    listed = {name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in _SPAN.findall(row)}
    entries = [path for path in (ROOT / "appliance").iterdir() if not path.name.startswith("_")]
    rooms = {path.stem for path in entries if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms == listed
