"""Fixtures for runners."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.adapters.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of this test's own."""
    with World.made_in(tmp_path) as made:
        yield made
