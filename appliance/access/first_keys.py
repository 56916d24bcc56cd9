"""The keys of the first start in key mode: made once, shown once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from appliance.access.keyring import FIRST_START, Keyring
from appliance.access.principal import Scope
from appliance.store.control import ControlStore

_SHOWN: Final = "first_keys_shown"
_MADE: Final[tuple[Scope, ...]] = ("admin", "write")


def show_first_keys(
    store: ControlStore, keyring: Keyring, configured: Collection[Scope], show: Callable[[str], object]
) -> None:
    """Make the admin key and the write key that nobody configured, and ``show`` a line for each.

    That they were shown is written down afterwards: keys of a start that was cut short in between were seen by
    nobody, are ended, and others are made.
    """
    if list(store.database().table("facts").rows_where("name = ?", [_SHOWN])):
        return
    for key in keyring.list():
        if key.name == FIRST_START and key.revoked_us is None:
            keyring.revoke(key.id)
    for scope in _MADE:
        if scope not in configured:
            _, text = keyring.create(FIRST_START, {scope})
            show(f"{scope} key: {text}")
    with store.writing() as database:
        database.table("facts").insert({"name": _SHOWN, "value": "yes"})
