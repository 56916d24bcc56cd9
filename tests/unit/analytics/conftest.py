from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.testing import bare_log
from tests.unit.analytics.histories import Log


@pytest.fixture(scope="module")
def log() -> Iterator[Log]:
    with bare_log() as connection:
        yield Log(connection)
