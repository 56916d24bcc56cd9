"""The documentation of the command line."""

from __future__ import annotations

from pathlib import Path

from appliance.cli.reference import cli_reference

_PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_page_says_what_help_says() -> None:
    """docs/cli.md is up to date; scripts/docs writes it."""
    assert cli_reference() == _PAGE.read_text(encoding="utf-8")


def test_every_command_is_on_the_page() -> None:
    """No command is left out."""
    page = cli_reference()
    for name in ("serve", "import", "export", "verify", "rebuild", "check", "healthcheck", "version"):
        assert f"\n## appliance {name}\n" in page
