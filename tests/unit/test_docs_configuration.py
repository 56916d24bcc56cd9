"""docs/configuration.md tells every setting, and is what the settings say now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from appliance.config import load
from appliance.config.catalogue import catalogue, dotted, variable
from appliance.config.reference import page

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    """The page is exactly what scripts/docs would write."""
    assert page() == TEXT


def test_every_setting_and_its_variable_are_told() -> None:
    """Each setting stands in the page with its variable and a description."""
    for path, setting in catalogue().settings.items():
        assert f"`{dotted(path)}`<br>`{variable(path)}`" in TEXT
        assert setting.description.endswith(".")


def test_a_number_names_its_unit() -> None:
    """The description of a quantity begins with what is counted: days, bytes, seconds, events."""
    for path, setting in catalogue().settings.items():
        if setting.kind in {"integer", "number"}:
            words = f"{dotted(path)} {setting.description}".lower()
            times = ("milliseconds", "seconds", "hours", "days")
            things = ("bytes", "events", "ids", "rows", "levels", "port", "database number", "requests", "keys")
            units = (*times, *things, "connections", "exports", "queries", "replicas")
            assert any(unit in words for unit in units), dotted(path)


def test_the_example_is_a_file_that_loads(tmp_path: Path) -> None:
    """The file in the page is YAML that gives what it shows."""
    example = TEXT.split("```yaml\n")[1].split("```")[0]
    file = tmp_path / "example.yaml"
    file.write_text(example, encoding="utf-8")
    settings = load(file, {})
    assert settings.kafka
    assert yaml.safe_load(example)["kafka"]["topics"] == settings.kafka.topics


def test_the_check_finds_every_page_up_to_date() -> None:
    """`scripts/docs --check` exits 0, whatever Python starts it."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/docs", "--check"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)
