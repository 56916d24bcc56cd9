"""A control store on disk and a clock that tests set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.access.keyring import Keyring
from appliance.store.control import ControlStore, open_store
from appliance.testing import SettableClock


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ControlStore]:
    with open_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def keyring(store: ControlStore, clock: SettableClock) -> Keyring:
    return Keyring(store, clock)
