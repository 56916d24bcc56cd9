"""The audit log keeps what administrators did, whatever strangers do."""

from __future__ import annotations

import pytest

from appliance.access import audit as room
from appliance.access.audit import REFUSED, Audit
from appliance.access.principal import OWNER, Principal
from appliance.store.control import ControlStore
from appliance.testing import SettableClock


def test_refused_sign_ins_push_nothing_out(
    store: ControlStore, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of refusals the latest are kept, and every action of an administrator."""
    monkeypatch.setattr(room, "KEPT_REFUSALS", 3)
    audit = Audit(store, clock)
    audit.record(OWNER, "key.create", "k")
    for number in range(10):
        audit.record(Principal("unknown", frozenset(), "192.0.2.1"), REFUSED, str(number))

    found = [(action.action, action.subject) for action in audit.latest(100)]

    assert [(REFUSED, "9"), (REFUSED, "8"), (REFUSED, "7"), ("key.create", "k")] == found


def test_pages_follow_each_other(store: ControlStore, clock: SettableClock) -> None:
    """``before`` goes on where a page ended."""
    audit = Audit(store, clock)
    for number in range(5):
        audit.record(OWNER, "import", str(number))

    first = audit.latest(2)
    second = audit.latest(2, first[-1].id)

    assert ["4", "3", "2", "1"] == [action.subject for action in (*first, *second)]
